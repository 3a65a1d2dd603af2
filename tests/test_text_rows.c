/* SPDX-License-Identifier: MIT */
/* test_text_rows.c: rows of text tables: how text is cut, and what is a bad row. Which files are
 * read and which are refused: test_text_files.c. */
#include <criterion/criterion.h>

#include "text_testing.h"

TestSuite(text_rows, .fini = remove_folder);

/* ---- Rows ----------------------------------------------------------------------------------- */
Test(text_rows, values_and_blank_lines)
{
    EXPECT("a,b\n1, 2\n", &csv, "*1[a][b]\n2[1][2]\n");
    EXPECT("\n  \n\t\n a , b c\t,\n\n,\n\n", &csv, "*4[a][b c][]\n6[][]\n");
    EXPECT("a\t b\t\n\t\t\n \nlast\t", &tsv, "*1[a][ b][]\n2[][][]\n4[last][]\n");
    EXPECT("1 2  3\n", &((rmx_text_format){.separator = " ", .comment = ""}), "*1[1][2][][3]\n");
    EXPECT("x", &tsv, "*1[x]\n");
}

Test(text_rows, line_ends)
{
    EXPECT("a,b\r\n1,2\r\n", &csv, "*1[a][b]\n2[1][2]\n");
    EXPECT("a,b\r1,2\r3,4", &csv, "*1[a][b]\n2[1][2]\n3[3][4]\n");
    EXPECT("a\r\r\nb\n\rc\r", &csv, "*1[a]\n3[b]\n5[c]\n"); /* each is one end */
    EXPECT("a,\"x\r\ny\"\r\nb,\"p\rq\"\rc,d\n", &csv, "*1[a][x\r\ny]\n3[b][p\rq]\n5[c][d]\n");
    /* a CR LF that a block's end divides, at every place near it */
    for (int shift = 0; shift < 4; shift++) {
        const size_t bytes = (256 << 10) + 64;
        char *text = malloc(bytes);
        memset(text, 'x', bytes);
        for (size_t i = 62 + (size_t)shift; i + 2 < bytes; i += 64) put(text + i, "\r\n", 2);
        const char *path = write_bytes("t", text, bytes);
        reading r = read_files(&path, 1, &tsv);
        int lines = 0;
        for (const char *at = r.text; (at = strchr(at, '\n')); at++) lines++;
        cr_assert_eq(lines, 4096 + 1);
        cr_assert_null(strstr(r.text, "\r"));
        free(r.text);
        free(text);
    }
}

Test(text_rows, byte_order_marks)
{
    const char *paths[3];
    char copy[3][512];
    for (int i = 0; i < 3; i++) {
        const char *name[] = {"a", "b", "c"};
        snprintf(copy[i], sizeof copy[i], "%s",
                 write_text(name[i], i == 1 ? "3,4\n"
                                            : "\xef\xbb\xbf"
                                              "1,2\n"));
        paths[i] = copy[i];
    }
    reading r = read_files(paths, 3, &csv);
    cr_assert_str_eq(r.text, "*1[1][2]\n*1[3][4]\n*1[1][2]\n");
    free(r.text);
    EXPECT("\xef\xbb\xbf\"a\",b\n", &csv, "*1[a][b]\n");
    EXPECT("\xef\xbb\xbf#no\nx\xef\xbb\xbf\n",
           &((rmx_text_format){.separator = ",", .comment = "#"}), "*2[x\xef\xbb\xbf]\n");
    REFUSED("\xef\xbb\xbf", &csv, "is empty");
}

Test(text_rows, utf16)
{
    EXPECT(UTF16_LE "a\0,\0\xe4\0\r\0\n\0"
                    "1\0,\0\x3d\xd8\x00\xde\n\0",
           &csv, "*1[a][\xc3\xa4]\n2[1][\xf0\x9f\x98\x80]\n");
    EXPECT(UTF16_BE "\0a\0,\x20\xac\0\n\0"
                    "1\0,\xd8\x3d\xde\x00",
           &csv, "*1[a][\xe2\x82\xac]\n2[1][\xf0\x9f\x98\x80]\n");
    /* halves of pairs stay different from each other; so does one at the end */
    EXPECT(UTF16_BE "\xd8\x3d\0,\xde\x00\0,\xd8\x3d\xd8\x3e", &csv,
           "*1[\xed\xa0\xbd][\xed\xb8\x80][\xed\xa0\xbd\xed\xa0\xbe]\n");
    EXPECT(UTF16_LE "a\0\0\0b\0\n\0c\0", &csv, "*1!there is a zero byte in the line\n2[c]\n");
    REFUSED(UTF16_LE "a\0,\0b", &csv, "UTF-16|ends within a character");
    REFUSED("a\0,\0b\0\n\0"
            "1\0,\0"
            "2\0\n\0",
            &csv, "UTF-16|UTF-16LE");
    REFUSED("\0a\0,\0b\0\n\0"
            "1\0,\0"
            "2\0\n",
            &csv, "UTF-16|UTF-16BE");
    REFUSED("\xff\xfe\0\0a\0\0\0\n\0\0\0", &csv, "UTF-32|iconv");
    REFUSED(UTF16_LE, &csv, "is empty");
    /* a pair that two pieces divide: pieces are of 64 KiB */
    char *text = malloc(400004);
    put(text, UTF16_LE, 2);
    text[2] = 'x', text[3] = 0;
    for (int i = 4; i < 400004; i += 4) put(text + i, "\x3d\xd8\x00\xde", 4);
    const char *path = write_bytes("t", text, 400004);
    reading r = read_files(&path, 1, &csv);
    cr_assert_eq(r.status, RMX_OK, "%s", r.error.text);
    cr_assert_eq(r.total, 1 + 400000);
    for (int i = 0; i < 100000; i++)
        cr_assert_eq(memcmp(r.text + 4 + 4 * i, "\xf0\x9f\x98\x80", 4), 0);
    free(r.text);
    free(text);
}

Test(text_rows, quotes)
{
    EXPECT("\"a\",\"b \"\"c\"\", d\" ,\"\"\n", &csv, "*1[a][b \"c\", d][]\n");
    EXPECT("\"a\nb\",c\n\n\"x\n\n\ny\"\nz\n", &csv, "*1[a\nb][c]\n4[x\n\n\ny]\n8[z]\n");
    EXPECT("5\" nail,x \"y\"\n", &csv, "*1[5\" nail][x \"y\"]\n"); /* within a value: no quote */
    EXPECT("  \" a \"  ,b\n", &csv, "*1[ a ][b]\n"); /* trim is for what is outside */
    EXPECT("\"a\",b", &csv, "*1[a][b]\n");
    EXPECT("b,\"a\"", &csv, "*1[b][a]\n");
    EXPECT("b,\"a\"\r", &csv, "*1[b][a]\n");
    EXPECT("\"\"\"\"\n", &csv, "*1[\"]\n");
    rmx_text_format f = {.separator = "\t", .quotes = true, .comment = ""};
    EXPECT("\"a\tb\"\tc\n\"d\n\"\t\"\"\n", &f, "*1[a\tb][c]\n2[d\n][]\n");
    EXPECT(" \"a\tb\n", &f, "*1[ \"a][b]\n"); /* no trim: the value begins with a blank */
    f.separator = " ";
    EXPECT("\"a b\" c\n\"\" \"\"\n", &f, "*1[a b][c]\n2[][]\n");
    f.separator = "||";
    EXPECT("\"a||b\"||c|\"d\"\n", &f, "*1[a||b][c|\"d\"]\n");
    f.quotes = false;
    EXPECT("\"a||b\"\n\"\n", &f, "*1[\"a][b\"]\n2[\"]\n");
}

Test(text_rows, quotes_without_end_take_one_line)
{
    EXPECT("a,b\n1,\"x\n2,y\n3,z\n", &csv, "*1[a][b]\n2!a quote has no end\n3[2][y]\n4[3][z]\n");
    EXPECT("\"a,b\r\n1,2\r\n", &csv, "*1!a quote has no end\n2[1][2]\n");
    EXPECT("a,\"b\"c\n1,\"2\"\n", &csv,
           "*1!something follows the end of a quoted value\n2[1][2]\n");
    /* it ends where the next one begins */
    EXPECT("1,\"x\n2,\"y\"\n3,z\n", &csv,
           "*1!something follows the end of a quoted value\n2[2][y]\n3[3][z]\n");
    EXPECT("\"", &csv, "*1!a quote has no end\n");
    EXPECT("1,\"", &csv, "*1!a quote has no end\n");
    /* within the file, but not within a row's bytes */
    const size_t bytes = 3 << 20;
    char *text = malloc(bytes);
    memset(text, 'x', bytes);
    for (size_t i = 1023; i < bytes; i += 1024) text[i] = '\n';
    text[0] = '"';
    text[bytes - 2] = '"';
    const char *path = write_bytes("t", text, bytes);
    reading r = read_files(&path, 1, &csv);
    cr_assert_eq(r.status, RMX_OK, "%s", r.error.text);
    static const char want[] = "*1!a quote has no end within 1 MiB\n2[xxx";
    cr_assert_eq(strncmp(r.text, want, strlen(want)), 0, "%.99s", r.text);
    cr_assert(strstr(r.text, "\n3072[xxx"));
    free(r.text);
    free(text);
}

/* Every line opens a quote, and no later line ends it: without a bound that is 10^11 steps. */
Test(text_rows, hopeless_quotes_are_refused, .timeout = 60)
{
    const char unit[] = "\",a\",b,\"\n";
    const int times = 400000;
    char *text = malloc((size_t)times * (sizeof unit - 1));
    for (int i = 0; i < times; i++)
        memcpy(text + i * ((int)sizeof unit - 1), unit, sizeof unit - 1);
    refused_file(write_bytes("t", text, (size_t)times * (sizeof unit - 1)), &csv,
                 "too many quotes have no end|quotes = no");
    free(text);
}

Test(text_rows, separators)
{
    rmx_text_format f = {.separator = "::", .comment = ""};
    EXPECT("1::2::3\n:::a:\n::\n", &f, "*1[1][2][3]\n2[][:a:]\n3[][]\n");
    f.separator = "<12345>>";
    EXPECT("a<12345>>b<12345>\n", &f, "*1[a][b<12345>]\n");
    f = (rmx_text_format){.separator = " | ", .trim = true, .quotes = true, .comment = ""};
    EXPECT("a  |  b\n\"c | d\" | \"e\"\n x | y \n", &f, "*1[a][b]\n2[c | d][e]\n3[x][y]\n");
    f = (rmx_text_format){.separator = "\x01", .comment = ""};
    EXPECT("a\x01"
           "b\n",
           &f, "*1[a][b]\n");
    f.separator = "\xc2\xa7";
    EXPECT("a\xc2\xa7"
           "b\xc2\n",
           &f, "*1[a][b\xc2]\n");
    f.separator = "123456789";
    REFUSED("a\n", &f, "1 to 8 bytes");
    f.separator = "";
    REFUSED("a\n", &f, "1 to 8 bytes");
    f = (rmx_text_format){.separator = "\"", .quotes = true, .comment = ""};
    REFUSED("a\n", &f, "quote");
}

Test(text_rows, comments_and_skipped_lines)
{
    rmx_text_format f = {.separator = ",", .quotes = true, .comment = "#", .skip_lines = 2};
    EXPECT("\"title\n\n#c\nx,y\n #z\n\"1\n#2\",3\n", &f, "*4[x][y]\n5[ #z]\n6[1\n#2][3]\n");
    EXPECT("a\n", &f, "");
    EXPECT("a\nb", &f, "");
    EXPECT("a\rb\rc", &f, "*3[c]\n");
    f.comment = "//";
    f.skip_lines = 0;
    EXPECT("//x\n/y\n/", &f, "*2[/y]\n3[/]\n");
    f.skip_lines = 1; /* of each file */
    const char *path = write_text("t", "head\n1\n"), *both[2] = {path, path};
    reading r = read_files(both, 2, &f);
    cr_assert_str_eq(r.text, "*2[1]\n*2[1]\n");
    free(r.text);
}

Test(text_rows, bad_rows)
{
    EXPECT("a,b\n1,x\0y\n2,z\n", &csv, "*1[a][b]\n2!there is a zero byte in the line\n3[2][z]\n");
    EXPECT("\"a\n\0\",b\nc,d", &csv, "*1!there is a zero byte in the line\n3[c][d]\n");
    /* the longest line, and one that is longer by a byte; before and after others, with CR LF */
    for (size_t over = 0; over < 3; over++) {
        const size_t n = RMX_TEXT_LINE_MAX + (over == 2 ? 700000 : over);
        char *text = malloc(n + 8);
        memset(text, 'x', n);
        put(text, "a\nb", 3);
        text[n + 2] = '\r', text[n + 3] = '\n', text[n + 4] = 'c';
        memset(text + n, 'x', 2);
        const char *path = write_bytes("t", text, n + 5);
        reading r = read_files(&path, 1, &csv);
        cr_assert_eq(r.status, RMX_OK, "%s", r.error.text);
        if (over) {
            cr_assert_str_eq(r.text, "*1[a]\n2!the line is longer than 1 MiB\n3[c]\n");
        } else {
            cr_assert_eq(strlen(r.text), (size_t)RMX_TEXT_LINE_MAX + 15);
            cr_assert_eq(strncmp(r.text, "*1[a]\n2[bx", 10), 0);
            cr_assert_str_eq(r.text + strlen(r.text) - 8, "x]\n3[c]\n");
        }
        free(r.text);
        free(text);
    }
    char *many = malloc(65536 + 8);
    memset(many, ',', 65536);
    put(many + 65535, "\n,\n", 4);
    many[0] = 'a';
    const char *path = write_text("t", many);
    reading r = read_files(&path, 1, &csv);
    cr_assert_eq(strncmp(r.text, "*1[a][][]", 9), 0); /* 65536 values */
    free(r.text);
    put(many + 65535, ",,\n1", 5);
    expect_file(write_text("t", many), &csv, "*1!the line has more than 65536 values\n2[1]\n");
    many[0] = '"', many[1] = '"';
    put(many + 65535, ",,,\n", 5);
    expect_file(write_text("t", many), &csv, "*1!the line has more than 65536 values\n");
    free(many);
}

Test(text_rows, raw_rows)
{
    const char *path = write_text("t", "a, \"b\"\"\"\r\n\"p\nq\",r\n\"x,\ny,z");
    rmx_text_rows *rows;
    rmx_text_row row;
    bool more;
    cr_assert_eq(rmx_text_open(&path, 1, &csv, &rows, NULL), RMX_OK);
    static const char *want[] = {"a, \"b\"\"\"", "\"p\nq\",r", "\"x,", "y,z"};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(rmx_text_next(rows, &row, &more, NULL), RMX_OK);
        cr_assert(more && row.raw_bytes == strlen(want[i]) &&
                  memcmp(row.raw, want[i], row.raw_bytes) == 0);
        cr_assert(row.file == 0 && strcmp(row.path, path) == 0 && (row.bad != NULL) == (i == 2));
    }
    cr_assert(rmx_text_next(rows, &row, &more, NULL) == RMX_OK && !more);
    cr_assert(rmx_text_next(rows, &row, &more, NULL) == RMX_OK && !more);
    rmx_text_close(rows);
    rmx_text_close(NULL);
}

/* ---- Against a plain reader, on texts of chance ---------------------------------------------- */
static uint32_t random_state = 1;
static uint32_t chance(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static size_t ending_at(const char *t, size_t at, size_t n)
{
    if (at < n && t[at] == '\r') return at + 1 < n && t[at + 1] == '\n' ? 2 : 1;
    return at < n && t[at] == '\n';
}

static bool separator_at(const rmx_text_format *f, const char *t, size_t at, size_t n)
{
    const size_t s = strlen(f->separator);
    return at + s <= n && memcmp(t + at, f->separator, s) == 0;
}

/* One row from *at on, printed; false where its quotes are wrong. */
static bool plain_row(const rmx_text_format *f, const char *t, size_t *at, size_t n, FILE *out,
                      int *lines)
{
    for (;;) {
        size_t i = *at;
        if (f->trim)
            while (i < n && (t[i] == ' ' || t[i] == '\t') && !separator_at(f, t, i, n)) i++;
        fputc('[', out);
        if (f->quotes && i < n && t[i] == '"') {
            for (i++; !(i < n && t[i] == '"' && !(i + 1 < n && t[i + 1] == '"')); i++) {
                if (i >= n) return false;
                const size_t e = ending_at(t, i, n);
                *lines += e == 1 || (e == 2);
                if (e == 2) fputc(t[i++], out);
                if (t[i] == '"') i++;
                fputc(t[i], out);
            }
            for (i++; i < n && (t[i] == ' ' || (f->trim && t[i] == '\t')); i++)
                if (separator_at(f, t, i, n)) break;
            if (i < n && !ending_at(t, i, n) && !separator_at(f, t, i, n)) return false;
        } else {
            const size_t from = f->trim ? i : *at;
            for (i = from; i < n && !ending_at(t, i, n) && !separator_at(f, t, i, n);) i++;
            size_t to = i;
            if (f->trim)
                while (to > from && (t[to - 1] == ' ' || t[to - 1] == '\t')) to--;
            fwrite(t + from, 1, to - from, out);
        }
        fputc(']', out);
        *at = i;
        if (!separator_at(f, t, i, n)) return true;
        *at += strlen(f->separator);
    }
}

static char *plain_rows(const rmx_text_format *f, const char *t, size_t n)
{
    char *all, *one;
    size_t size, one_size;
    FILE *out = open_memstream(&all, &size);
    bool first = true;
    int line = 1;
    for (size_t at = 0; at < n; line++) {
        size_t end = at, lead = 0;
        while (end < n && !ending_at(t, end, n)) end++;
        while (at + lead < end &&
               (t[at + lead] == ' ' || (t[at + lead] == '\t' && !strchr(f->separator, '\t'))))
            lead++;
        if (line > f->skip_lines && !(f->comment[0] && t[at] == f->comment[0] && end > at) &&
            at + lead < end) {
            size_t next = at;
            int lines = 0;
            FILE *row = open_memstream(&one, &one_size);
            const bool good = plain_row(f, t, &next, n, row, &lines);
            fclose(row);
            fprintf(out, "%s%d%s\n", first ? "*" : "", line, good ? one : "!");
            free(one);
            first = false;
            if (good) end = next, line += lines;
        }
        at = end + ending_at(t, end, n);
    }
    fclose(out);
    return all;
}

static void cut_reasons(char *text) /* "2!why\n" becomes "2!\n" */
{
    char *to = text;
    for (bool in = false; *text; text++) {
        if (*text == '\n') in = false;
        if (!in) *to++ = *text;
        if (*text == '!') in = true;
    }
    *to = '\0';
}

static void compare_at_random(size_t most, int rounds)
{
    static const char letters[] = "aaaa,,,;;;\"\"\"\n\n\r\t  #b";
    static const char *separators[] = {",", ";", "\t", " ", "|", ",;", ";;", " a", "a,"};
    char *text = malloc(most);
    for (int round = 0; round < rounds; round++) {
        const rmx_text_format f = {.separator = separators[chance(9)],
                                   .quotes = chance(2) == 1,
                                   .trim = chance(2) == 1,
                                   .comment = chance(3) ? "" : "#",
                                   .skip_lines = chance(4) ? 0 : chance(3)};
        const size_t n = 1 + chance((uint32_t)most);
        const uint32_t kinds = chance(3) ? sizeof letters - 1 : 10;
        for (size_t i = 0; i < n; i++)
            text[i] = letters[chance(most > 1000 && chance(50) ? 10 : kinds)];
        if (n > 1000) text[chance((uint32_t)n)] = '\n';
        char *want = plain_rows(&f, text, n);
        const char *path = write_bytes("t", text, n);
        reading r = read_files(&path, 1, &f);
        cr_assert_eq(r.status, RMX_OK, "%s", r.error.text);
        cut_reasons(r.text);
        cr_assert_str_eq(r.text, want,
                         "separator '%s' quotes %d trim %d, text:\n%.*s\ngot\n%swant\n%s",
                         f.separator, f.quotes, f.trim, (int)(n < 200 ? n : 200), text,
                         n < 200 ? r.text : "", n < 200 ? want : "");
        free(r.text);
        free(want);
    }
    free(text);
}

Test(text_rows, equals_a_plain_reader) { compare_at_random(60, 12000); }
Test(text_rows, equals_a_plain_reader_over_blocks) { compare_at_random(600000, 25); }
