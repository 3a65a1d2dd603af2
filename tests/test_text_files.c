/* SPDX-License-Identifier: MIT */
/* test_text_files.c: text tables that are compressed, come from pipes, change while they are read,
 * or are no tables. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#ifdef RMX_WITH_ZLIB
#include <zlib.h>
#endif
#ifdef RMX_WITH_ZSTD
#include <zstd.h>
#endif

#include "text_testing.h"

TestSuite(text_files, .fini = remove_folder);

/* Many rows, that no block holds; *want is what print_rows makes of them. */
static char *many_rows(size_t *size, char **want)
{
    size_t want_size;
    char *text;
    FILE *out = open_memstream(&text, size), *print = open_memstream(want, &want_size);
    for (int i = 1; i <= 100000; i++) {
        fprintf(out, "%d,row %d\n", i, i % 77);
        fprintf(print, "%s%d[%d][row %d]\n", i == 1 ? "*" : "", i, i, i % 77);
    }
    fclose(out);
    fclose(print);
    return text;
}

/* ---- Compressed ----------------------------------------------------------------------------- */
#if defined RMX_WITH_ZLIB || defined RMX_WITH_ZSTD
typedef struct bytes {
    unsigned char at[1 << 16];
    size_t count;
} bytes;

static void add(bytes *all, const void *more, size_t count)
{
    cr_assert(all->count + count <= sizeof all->at);
    memcpy(all->at + all->count, more, count);
    all->count += count;
}

/* The file cut anywhere is refused, as one with other bytes is, or gives the same rows. */
static void hurt(const bytes *file, const char *format, const char *want)
{
    for (size_t n = 4; n < file->count; n++) {
        const char *path = write_bytes("t", file->at, n);
        refused_file(path, &csv, format);
        refused_file(path, &csv, "ends too early");
    }
    for (size_t i = 4; i < file->count; i++) {
        bytes other = *file;
        other.at[i] ^= 0x10;
        const char *path = write_bytes("t", other.at, other.count);
        reading r = read_files(&path, 1, &csv);
        if (r.status == RMX_OK)
            cr_assert_str_eq(r.text, want, "byte %zu is another one: rows, too", i);
        else
            cr_assert(r.status == RMX_ERR_DATA && strstr(r.error.text, path));
        free(r.text);
    }
}

#endif

#ifdef RMX_WITH_ZLIB
static void add_gzip(bytes *all, const char *text)
{
    unsigned char out[4096];
    z_stream z = {.next_in = (unsigned char *)text,
                  .avail_in = (uInt)strlen(text),
                  .next_out = out,
                  .avail_out = sizeof out};
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    add(all, out, z.total_out);
    deflateEnd(&z);
}

Test(text_files, gzip)
{
    static bytes file; /* told by its bytes: the name says nothing */
    add_gzip(&file, "\xef\xbb\xbf"
                    "a,b\n1,");
    hurt(&file, "gzip", "*1[a][b]\n2[1][]\n");
    add_gzip(&file, "");
    add_gzip(&file, "2\n3,4\n");
    static const char want[] = "*1[a][b]\n2[1][2]\n3[3][4]\n";
    expect_bytes(file.at, file.count, &csv, want);
    bytes other = file;
    add(&other, "\0\0\0\0\0", 5); /* as tapes pad it */
    expect_bytes(other.at, other.count, &csv, want);
    add(&other, file.at, file.count);
    refused_file(write_bytes("t", other.at, other.count), &csv, "gzip|something else follows");
    other = file;
    add(&other, "a,b\n", 4);
    refused_file(write_bytes("t", other.at, other.count), &csv, "gzip|something else follows");
    other.count = 0;
    add_gzip(&other, "");
    refused_file(write_bytes("t", other.at, other.count), &csv, "is empty");
    other.count = 0;
    add_gzip(&other, UTF16_LE "a");
    refused_file(write_bytes("t", other.at, other.count), &csv, "UTF-16|ends within");
}

Test(text_files, gzip_of_many_rows_among_others)
{
    size_t size;
    char *want, *text = many_rows(&size, &want);
    gzFile file = gzopen(in_folder("t.gz"), "wb1");
    cr_assert(file && gzwrite(file, text, (unsigned)size) == (int)size && gzclose(file) == Z_OK);
    char path[2][512];
    snprintf(path[0], sizeof path[0], "%s", in_folder("t.gz"));
    snprintf(path[1], sizeof path[1], "%s", write_text("u", "x\n"));
    const char *paths[4] = {path[1], path[0], path[1], path[0]};
    reading r = read_files(paths, 4, &csv);
    cr_assert_eq(r.status, RMX_OK, "%s", r.error.text);
    cr_assert_eq(r.total, 2 * (int64_t)size + 4);
    const size_t n = strlen(want);
    cr_assert_eq(strlen(r.text), 2 * n + 12);
    cr_assert(strncmp(r.text, "*1[x]\n", 6) == 0 && strncmp(r.text + 6, want, n) == 0 &&
              strncmp(r.text + 6 + n, "*1[x]\n", 6) == 0 && strcmp(r.text + 12 + n, want) == 0);
    free(r.text);
    free(text);
    free(want);
}

Test(text_files, formats_within_gzip_are_named)
{
    static bytes file;
    add_gzip(&file, "%PDF-1.7\n");
    refused_file(write_bytes("t", file.at, file.count), &csv, "PDF|compressed with gzip");
    file.count = 0;
    add_gzip(&file, "{\"a\": 1}\n{\"a\": 2}\n");
    refused_file(write_bytes("t", file.at, file.count), &csv, "JSON|compressed with gzip");
}
#else
Test(text_files, gzip_is_named) { REFUSED("\x1f\x8b\x08\0\0\0", &csv, "gzip|zlib|gzip -dc"); }
#endif

#ifdef RMX_WITH_ZSTD
static void add_zstd(bytes *all, const char *text)
{
    ZSTD_CCtx *z = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
    char out[4096];
    const size_t n = ZSTD_compress2(z, out, sizeof out, text, strlen(text));
    cr_assert(!ZSTD_isError(n));
    add(all, out, n);
    ZSTD_freeCCtx(z);
}

Test(text_files, zstd)
{
    static bytes file;
    add_zstd(&file, "a,b\n1,");
    hurt(&file, "zstd", "*1[a][b]\n2[1][]\n");
    add_zstd(&file, "2\n3,4\n");
    static const char want[] = "*1[a][b]\n2[1][2]\n3[3][4]\n";
    expect_bytes(file.at, file.count, &csv, want);
    bytes other = {.count = 0};
    add(&other, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11); /* a frame without data */
    add(&other, file.at, file.count);
    expect_bytes(other.at, other.count, &csv, want);
    add(&other, "a,b\n", 4);
    refused_file(write_bytes("t", other.at, other.count), &csv, "zstd|damaged");
    /* a frame that wants a window of 2 GiB */
    REFUSED("\x28\xb5\x2f\xfd\0\xa8\1\0\0", &csv, "zstd|--long=31");
}

Test(text_files, zstd_of_many_rows)
{
    size_t size;
    char *want, *text = many_rows(&size, &want);
    const size_t most = ZSTD_compressBound(size);
    char *packed = malloc(most);
    const size_t n = ZSTD_compress(packed, most, text, size, 1);
    cr_assert(!ZSTD_isError(n));
    expect_bytes(packed, n, &csv, want);
    free(packed);
    free(text);
    free(want);
}
#else
Test(text_files, zstd_is_named) { REFUSED("\x28\xb5\x2f\xfd\0\0", &csv, "zstd|zstd -dc"); }
#endif

/* ---- What can be read once only -------------------------------------------------------------- */
typedef struct feed {
    const char *path;
    int descriptor;
    const char *text;
    size_t size;
} feed;

static void *write_feed(void *user)
{
    const feed *f = user;
    const int d = f->path ? open(f->path, O_WRONLY) : f->descriptor;
    for (size_t at = 0; at < f->size;) {
        const size_t n = f->size - at < 5000 ? f->size - at : 5000;
        const ssize_t written = write(d, f->text + at, n);
        if (written <= 0) break;
        at += (size_t)written;
    }
    close(d);
    return NULL;
}

static void expect_fed(feed f, const char *path, const char *want)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, write_feed, &f), 0);
    expect_file(path, &csv, want);
    pthread_join(thread, NULL);
}

static int new_stdin(void)
{
    int ends[2];
    cr_assert(pipe(ends) == 0 && dup2(ends[0], 0) == 0);
    close(ends[0]);
    return ends[1];
}

Test(text_files, pipes_and_standard_input)
{
    size_t size;
    char *want, *text = many_rows(&size, &want);
    const char *path = in_folder("pipe");
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_fed((feed){path, -1, text, size}, path, want);
    expect_fed((feed){NULL, new_stdin(), text, size}, "-", want);
    expect_fed((feed){NULL, new_stdin(), text, size}, "/dev/stdin", want);
    expect_fed((feed){NULL, new_stdin(), "a", 1}, "-", "*1[a]\n");
    expect_fed((feed){path, -1, UTF16_LE "a\0", 4}, path, "*1[a]\n");
#ifdef RMX_WITH_ZLIB
    static bytes file;
    add_gzip(&file, "a,b\n");
    expect_fed((feed){NULL, new_stdin(), (char *)file.at, file.count}, "-", "*1[a][b]\n");
#endif
    const int d = open(write_text("file", "left out\n1,2\n"), O_RDONLY); /* from where it stands */
    cr_assert(dup2(d, 0) == 0 && lseek(0, 9, SEEK_SET) == 9);
    expect_file("-", &csv, "*1[1][2]\n");
    const char *twice[2] = {"-", "-"};
    close(new_stdin());
    reading r = read_files(twice, 1, &csv);
    cr_assert(r.status == RMX_ERR_DATA && strstr(r.error.text, "standard input: is empty"));
    write_feed(&(feed){NULL, new_stdin(), "1\n", 2});
    r = read_files(twice, 2, &csv);
    cr_assert(r.status == RMX_ERR_DATA && strstr(r.error.text, "name it once"));
    free(text);
    free(want);
}

Test(text_files, copies_need_room)
{
    const char *text = UTF16_BE "\0a\0\n", *path;
    setenv("TMPDIR", "/dev/null/none", 1);
    refused_file(path = write_bytes("t", text, 6), &csv, "/dev/null/none|Not a directory|TMPDIR");
    setenv("TMPDIR", "", 1); /* /tmp */
    expect_file(path, &csv, "*1[a]\n");
    setenv("TMPDIR", own_folder(), 1);
    expect_file(path, &csv, "*1[a]\n");
    cr_assert_eq(files_in_folder(), 1); /* nothing stays */
    char *large = calloc(1, 100000);
    put(large, UTF16_BE, 2);
    for (int i = 3; i < 100000; i += 2) large[i] = 'x';
    path = write_bytes("t", large, 100000);
    signal(SIGXFSZ, SIG_IGN); /* stands for a full disk: the write fails after some bytes */
    const struct rlimit limit = {20000, 20000};
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    refused_file(path, &csv, "no copy can be made|File too large|TMPDIR");
    free(large);
}

/* ---- Changes -------------------------------------------------------------------------------- */
static void append(const char *path)
{
    FILE *f = fopen(path, "ab");
    cr_assert(f && fputs("9,9\n", f) > 0 && fclose(f) == 0);
}
static void cut(const char *path) { cr_assert_eq(truncate(path, 8), 0); }
static void empty(const char *path) { cr_assert_eq(truncate(path, 0), 0); }
static void replace(const char *path)
{
    cr_assert_eq(rename(write_text("new", "1,2\n3,4\n5,6\n"), path), 0);
}
static void rewrite(const char *path) /* of the same size, with the time set back */
{
    struct stat before;
    cr_assert_eq(stat(path, &before), 0);
    usleep(20000); /* times go by a clock's ticks */
    const int d = open(path, O_WRONLY);
    cr_assert(d >= 0 && pwrite(d, "8", 1, 4) == 1);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    cr_assert(futimens(d, times) == 0 && close(d) == 0);
}
static void take_away(const char *path) { cr_assert_eq(unlink(path), 0); }
static void pipe_instead(const char *path)
{
    cr_assert(unlink(path) == 0 && mkfifo(path, 0600) == 0);
}

/* Changes the first of two files before row `at` of a pass; pass 0 is the first one. */
static void change(void (*how)(const char *), int pass, int at)
{
    char path[2][512];
    rmx_text_rows *rows;
    rmx_error error = {.text = ""};
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], "%s",
                 write_text(i ? "b" : "a", i ? "7,8\n" : "1,2\n3,4\n5,6\n"));
    const char *paths[2] = {path[0], path[1]};
    cr_assert_eq(rmx_text_open(paths, 2, &csv, &rows, &error), RMX_OK);
    rmx_status status = RMX_OK;
    for (int p = 0; p < 2 && status == RMX_OK; p++) {
        bool more = true;
        if (p > 0) status = rmx_text_rewind(rows, &error);
        for (int i = 0; more && status == RMX_OK; i++) {
            if (p == pass && i == at) how(path[0]);
            rmx_text_row row;
            status = rmx_text_next(rows, &row, &more, &error);
            cr_assert(i < 6);
        }
    }
    cr_assert_eq(status, RMX_ERR_DATA, "not noticed: pass %d, row %d", pass, at);
    cr_assert(strstr(error.text, path[0]), "%s", error.text);
    const char *want = "changed while it was read; import it again when nothing writes to it";
    if (how == take_away && at == 0) want = "No such file"; /* the pass has not begun */
    cr_assert(strstr(error.text, want), "%s", error.text);
    rmx_text_close(rows);
    (void)unlink(path[0]);
}

Test(text_files, changes_are_noticed)
{
    static void (*const how[])(const char *) = {append,  cut,       empty,       replace,
                                                rewrite, take_away, pipe_instead};
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++)
        for (int at = 0; at < 8; at++) /* up to the end of pass 0, then pass 1 before its end */
            if (at != 7) change(how[i], at / 5, at % 5);
}

Test(text_files, a_copy_does_not_change)
{
    const char *path = write_bytes("t", UTF16_BE "\0a\0\n\0b", 8);
    rmx_text_rows *rows;
    rmx_text_row row;
    bool more;
    cr_assert_eq(rmx_text_open(&path, 1, &csv, &rows, NULL), RMX_OK);
    append(path);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 2; i++) {
            cr_assert(rmx_text_next(rows, &row, &more, NULL) == RMX_OK && more);
            cr_assert(row.line == i + 1 && row.value[0][0] == "ab"[i]);
        }
        cr_assert(rmx_text_next(rows, &row, &more, NULL) == RMX_OK && !more);
        cr_assert_eq(rmx_text_rewind(rows, NULL), RMX_OK);
    }
    rmx_text_close(rows);
}

/* ---- What is refused ------------------------------------------------------------------------- */
Test(text_files, files_that_cannot_be_read)
{
    refused_file(in_folder("none"), &csv, "none|No such file or directory");
    refused_file(own_folder(), &csv, "Is a directory");
    refused_file("/dev/null", &csv, "is empty");
    refused_file(write_text("t", ""), &csv, "is empty");
    if (geteuid() == 0) cr_assert_eq(seteuid(65534), 0);
    const char *path = "/proc/1/mem";
    refused_file(path, &csv, "Permission denied");
    /* a table may have empty parts, as long as there is something */
    cr_assert(geteuid() != 65534 || seteuid(0) == 0);
    char a[512], b[512];
    snprintf(a, sizeof a, "%s", write_text("a", ""));
    snprintf(b, sizeof b, "%s", write_text("b", "1\n"));
    const char *paths[3] = {a, b, a};
    reading r = read_files(paths, 3, &csv);
    cr_assert_str_eq(r.text, "*1[1]\n");
    free(r.text);
    paths[1] = a;
    r = read_files(paths, 3, &csv);
    cr_assert(r.status == RMX_ERR_DATA && strstr(r.error.text, "nor in the other files"));
    r = read_files(paths, 0, &csv);
    cr_assert_eq(r.status, RMX_ERR_DATA);
    if (access("/proc/self/status", R_OK) == 0) { /* of size 0, but not empty */
        path = "/proc/self/status";
        r = read_files(&path, 1, &csv);
        cr_assert(r.status == RMX_OK && strstr(r.text, "Name:"));
        free(r.text);
    }
}

#define ZEROS "\0\0\0\0\0\0\0\0"
Test(text_files, binaries_are_named)
{
    static const struct {
        const char *bytes;
        size_t count;
        const char *words;
    } list[] = {
#define FILE_OF(bytes, words) {bytes, sizeof bytes - 1, words}
        FILE_OF("PAR1\x15\0\x15\x0a", "Parquet|CSV"),
        FILE_OF("ARROW1\0\0\xff\xff", "Arrow|CSV"),
        FILE_OF("ORC\n\x03\0\0", "ORC|CSV"),
        FILE_OF("Obj\x01\x04\x14"
                "avro.codec",
                "Avro|CSV"),
        FILE_OF("\x89HDF\r\n\x1a\n\0\0", "HDF5|data set already"),
        FILE_OF("PK\x03\x04\x14\0\0\0\x08\0", "zip|unzip -p"),
        FILE_OF("PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0" ZEROS ZEROS "[Content_Types].xml",
                "xlsx|CSV"),
        FILE_OF("PK\x03\x04\x14\0\0\0\0\0\0\0!\0" ZEROS ZEROS "arr_0.npy", "npz|CSV"),
        FILE_OF("PK\x03\x04\0\0\0\0\0\0\0\0!\0" ZEROS ZEROS "archive/data.pkl", "PyTorch|CSV"),
        FILE_OF("\xfd"
                "7zXZ\0\0\4",
                "xz|xz -dc"),
        FILE_OF("BZh91AY&SY\x12\x34", "bzip2|bzip2 -dc"),
        FILE_OF("\x04\x22\x4d\x18\x64\x40", "lz4|lz4 -dc"),
        FILE_OF("7z\xbc\xaf\x27\x1c\0\4", "7z"),
        FILE_OF("Rar!\x1a\x07\x01\0", "RAR"),
        FILE_OF("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "xls|CSV"),
        FILE_OF("SQLite format 3\0\x10\0", "SQLite|sqlite3 -csv"),
        FILE_OF("\0\0\0\0\0\0\0\0DUCK\x40\0", "DuckDB|duckdb -csv"),
        FILE_OF("\x93NUMPY\x01\0v\0{'descr'", "npy|savetxt"),
        FILE_OF("\x80\x04\x95\x0b\0\0\0", "pickle|to_csv"),
        FILE_OF("%PDF-1.4\n", "PDF"),
        FILE_OF("\x7f"
                "ELF\x02\x01\x01\0",
                "ELF"),
        FILE_OF("\x6c\0\0\0\0\0\0\0\x12\x34\x56\x78\x0a\x6a\x0a\x10\x0a", "TFRecord|CSV"),
        FILE_OF("RDX3\nX\n\0\0\0\3", "R data"),
        FILE_OF("version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "LFS|git lfs pull"),
        FILE_OF(ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS ZEROS, "binary"),
        FILE_OF("<!DOCTYPE html>\n<html>\n", "HTML|download"),
        FILE_OF("% a\n@RELATION x\n@attribute a numeric\n@data\n1\n", "ARFF|skip_lines"),
        FILE_OF("1 3:0.5 7:1\n0 2:1\n\n+1 1:-1e-3 2:.5 # x\n", "libsvm"),
        FILE_OF("-1 qid:3 1:0.5\n1 qid:3 2:1\n0\n", "libsvm"),
        FILE_OF("1\t3:1\t7:1\n0\t5:1\n0\t1:1\t2:1\t3:1", "libsvm"),
        FILE_OF("1 0:3:0.5 1:7:1\r\n0 0:2:1 1:9:1\r\n", "libffm"),
        FILE_OF("{\"a\": 1, \"b\": 2}\n{\"a\": 2, \"b\": 3}\n", "JSON|jq"),
        FILE_OF("[{\"a\": 1},\n {\"a\": 2}]\n", "JSON"),
        FILE_OF("{\n  \"a\": 1\n}\n", "JSON"),
        FILE_OF("1 |f a b:0.5\n-1 1.0 'tag|f b |g c\n1 |f d\n", "Vowpal"),
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        refused_file(write_bytes("t", list[i].bytes, list[i].count), &csv, list[i].words);
    static char tar[512];
    put(tar, "member", 6);
    put(tar + 257, "ustar\00000", 8);
    refused_file(write_bytes("t", tar, sizeof tar), &csv, "tar|tar -xOf");
    /* rows of different lengths are no table, though the separator is in them */
    rmx_text_format f = {.separator = " ", .comment = ""};
    REFUSED("1 3:0.5 7:1\n0 2:1\n1 1:1 2:1 3:1\n", &f, "libsvm");
}

/* Tables that begin as something else does, or have a few of its marks. */
Test(text_files, tables_are_not_taken_for_something_else)
{
    EXPECT("PAR1,b\n1,2\n", &csv, "*1[PAR1][b]\n2[1][2]\n");
    EXPECT("ORC\n1\n", &csv, "*1[ORC]\n2[1]\n");
    EXPECT("BZh,PK\n", &csv, "*1[BZh][PK]\n");
    EXPECT("Rar!,7z\n", &csv, "*1[Rar!][7z]\n");
    EXPECT("id,time,DUCK\n", &csv, "*1[id][time][DUCK]\n");
    EXPECT("{\"a\": 1},2\n{\"a\": 2},3\n", &((rmx_text_format){.separator = ",", .comment = ""}),
           "*1[{\"a\": 1}][2]\n2[{\"a\": 2}][3]\n");
    EXPECT("{\"a\": 1}\t5\n{\"b\": 1}\t6\n", &tsv, "*1[{\"a\": 1}][5]\n2[{\"b\": 1}][6]\n");
    EXPECT("{\"a\": 1}\t{}\n", &tsv, "*1[{\"a\": 1}][{}]\n");
    EXPECT("[{\"a\": 1}]\t{}\n", &tsv, "*1[[{\"a\": 1}]][{}]\n");
    EXPECT("1\t12:30\n0\t13:45\n1\t9:15\n", &tsv, "*1[1][12:30]\n2[0][13:45]\n3[1][9:15]\n");
    rmx_text_format f = {.separator = " ", .comment = ""};
    EXPECT("1 12:30\n0 13:45\n1 9:15\n", &f, "*1[1][12:30]\n2[0][13:45]\n3[1][9:15]\n");
    f.separator = ":";
    EXPECT("1 3:5\n0 4:6\n1 7:8\n", &f, "*1[1 3][5]\n2[0 4][6]\n3[1 7][8]\n");
    f.separator = "|";
    EXPECT("1 |a\n2 |b\n3 |c\n", &f, "*1[1 ][a]\n2[2 ][b]\n3[3 ][c]\n");
    EXPECT("label 1:2\n0 1:2\n", &csv, "*1[label 1:2]\n2[0 1:2]\n");
    EXPECT("5\n7\n9\n", &csv, "*1[5]\n2[7]\n3[9]\n");
    f = (rmx_text_format){.separator = ",", .comment = "%", .skip_lines = 3};
    EXPECT("@relation x\n@attribute a\n@data\n%c\n1,2\n", &f, "*5[1][2]\n");
    f = (rmx_text_format){.separator = "\x01", .comment = ""}; /* as Hive writes tables */
    EXPECT("a\x01"
           "b\x02"
           "c\x03"
           "d\x01\n",
           &f,
           "*1[a][b\x02"
           "c\x03"
           "d][]\n");
    EXPECT("\xe4,\xf6\n", &csv, "*1[\xe4][\xf6]\n"); /* Latin-1 is taken byte by byte */
}
