/* SPDX-License-Identifier: MIT */
/* text_kind.c: see text_parts.h. Binary formats, by their first bytes; for text: text_shape.c. */
#include "data/text_parts.h"

#include <stdint.h>
#include <string.h>

#define ARCHIVE "take the table out first, or read it from a pipe: "
#define COLUMNS "write it as CSV first, for example with DuckDB or pandas.DataFrame.to_csv"
#define PIPE(command) "read it from a pipe: " command " FILE | ... -"
#define SHEET "save the sheet as CSV (UTF-8) first"

typedef struct signature {
    size_t at;
    const char *bytes;
    size_t count;
    rmx_text_kind kind;
} signature;
/* clang-format off */
#define SIGN(at, text, name, advice) {at, text, sizeof text - 1, {name, advice}}

/* No text begins like these: each has a byte that no text has, or is long. */
static const signature signatures[] = {
    SIGN(0, "\x89HDF\r\n\x1a\n", "an HDF5 file",
         "if rmx-data wrote it, it is a data set already: use it as it is; else write its table "
         "as CSV first"),
    SIGN(0, "ARROW1\0\0", "an Arrow (Feather) file", COLUMNS),
    SIGN(0, "\xff\xff\xff\xff", "a stream of Arrow or another binary file", COLUMNS),
    SIGN(0, "SQLite format 3\0", "an SQLite data base",
         "write the table as CSV first: sqlite3 -csv -header FILE 'select * from TABLE' | ... -"),
    SIGN(0, "\x93NUMPY", "a NumPy array (npy)", "write it as CSV first: numpy.savetxt"),
    SIGN(0, "\xfd\x37zXZ\0", "compressed with xz", PIPE("xz -dc")),
    SIGN(0, "\x04\x22\x4d\x18", "compressed with lz4", PIPE("lz4 -dc")),
    SIGN(0, "\x02\x21\x4c\x18", "compressed with lz4", PIPE("lz4 -dc")),
    SIGN(0, "\x1f\x8b", "compressed with gzip once more", "read it from a pipe: gzip -dc"),
    SIGN(0, "\x28\xb5\x2f\xfd", "compressed with zstd once more", "read it from a pipe: zstd -dc"),
    SIGN(0, "\x1f\x9d", "compressed with compress", PIPE("gzip -dc")),
    SIGN(0, "\x5d\0\0", "compressed with lzma", PIPE("xz -dc")),
    SIGN(0, "LZIP\x01", "compressed with lzip", PIPE("lzip -dc")),
    SIGN(0, "\x89LZO\0", "compressed with lzop", PIPE("lzop -dc")),
    SIGN(0, "\xff\x06\0\0sNaPpY", "compressed with snappy", "decompress it first"),
    SIGN(0, "7z\xbc\xaf\x27\x1c", "a 7z archive", ARCHIVE "7z x -so FILE | ... -"),
    SIGN(0, "Rar!\x1a\x07", "a RAR archive", ARCHIVE "unrar p -inul FILE | ... -"),
    SIGN(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel (xls) or other Office file", SHEET),
    SIGN(0, "RDX3\nX\n", "an R data file", "write it as CSV first: write.csv in R"),
    SIGN(0, "RDX2\nX\n", "an R data file", "write it as CSV first: write.csv in R"),
    SIGN(0, "X\n\0\0\0", "an R data file (rds)", "write it as CSV first: write.csv in R"),
    SIGN(0, "MATLAB 5.0 MAT-file", "a MATLAB file", "write it as CSV first: writetable"),
    SIGN(0, "<stata_dta>", "a Stata file", COLUMNS),
    SIGN(0, "$FL2@(#)", "an SPSS file", COLUMNS),
    SIGN(0, "______LightGBM_Binary_File_Token______\n", "a LightGBM data set",
         "take the table that it was made from"),
    SIGN(0, "%PDF-", "a PDF", "take the table that it was made from"),
    SIGN(0, "\x89PNG\r\n", "a picture (PNG)", "name the table instead"),
    SIGN(0, "\xff\xd8\xff", "a picture (JPEG)", "name the table instead"),
    SIGN(0, "\x7f" "ELF", "a program (ELF)", "name the table instead"),
    SIGN(0, "version https://git-lfs", "a pointer of Git LFS, not the file itself",
         "fetch the file first: git lfs pull"),
    SIGN(0, "\xff\xfe\0\0", "text in UTF-32", PIPE("iconv -f UTF-32 -t UTF-8")),
    SIGN(0, "\0\0\xfe\xff", "text in UTF-32", PIPE("iconv -f UTF-32 -t UTF-8")),
};

/* A text may begin like these, but it has no zero and no other such byte. */
static const signature weak_signatures[] = {
    SIGN(0, "PAR1", "a Parquet file", COLUMNS),
    SIGN(0, "PARE", "an encrypted Parquet file", COLUMNS),
    SIGN(0, "ORC", "an ORC file", COLUMNS),
    SIGN(0, "Obj\x01", "an Avro file", COLUMNS),
    SIGN(0, "CDF\x01", "a netCDF file", COLUMNS),
    SIGN(0, "CDF\x02", "a netCDF file", COLUMNS),
    SIGN(8, "DUCK", "a DuckDB data base",
         "write the table as CSV first: duckdb -csv FILE 'from TABLE' | ... -"),
    SIGN(257, "ustar", "a tar archive", ARCHIVE "tar -xOf FILE MEMBER | ... -"),
};
/* clang-format on */

static bool has(const unsigned char *head, size_t bytes, size_t at, const char *text)
{
    const size_t n = strlen(text);
    return bytes >= at + n && memcmp(head + at, text, n) == 0;
}

/* Zeros, and bytes that neither texts have nor tables use for separators. */
typedef struct strangers {
    size_t zeros[2]; /* at even and at odd places */
    size_t controls;
} strangers;

static strangers count_strangers(const unsigned char *head, size_t bytes)
{
    strangers s = {{0, 0}, 0};
    for (size_t i = 0; i < bytes; i++) {
        const unsigned char c = head[i];
        s.zeros[i & 1] += c == 0;
        s.controls += c != 0 && ((c > 3 && c < '\t') || (c > '\r' && c < 0x1b) || c == 0x7f);
    }
    return s;
}

static const rmx_text_kind *zip_kind(const unsigned char *head, size_t bytes)
{
    static const rmx_text_kind excel = {"an Excel (xlsx) or other Office file", SHEET};
    static const rmx_text_kind office = {"an OpenDocument file", SHEET};
    static const rmx_text_kind npz = {"NumPy arrays (npz)",
                                      "write the table as CSV first: numpy.savetxt"};
    static const rmx_text_kind torch = {"a PyTorch file", "write the table as CSV first"};
    static const rmx_text_kind zip = {"a zip archive", ARCHIVE "unzip -p FILE | ... -"};
    if (memmem(head, bytes, "[Content_Types].xml", 19)) return &excel;
    if (has(head, bytes, 30, "mimetypeapplication/vnd.oasis")) return &office;
    if (memmem(head, bytes < 400 ? bytes : 400, ".npy", 4)) return &npz;
    if (memmem(head, bytes < 400 ? bytes : 400, "data.pkl", 8)) return &torch;
    return &zip;
}

static const rmx_text_kind *signed_kind(const signature *list, size_t count,
                                        const unsigned char *head, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        const signature *s = &list[i];
        if (bytes >= s->at + s->count && memcmp(head + s->at, s->bytes, s->count) == 0)
            return &s->kind;
    }
    return NULL;
}

/* Kinds that a fixed text at a fixed place cannot tell. */
static const rmx_text_kind *other_kind(const unsigned char *head, size_t bytes)
{
    static const rmx_text_kind pickle = {
        "a Python pickle", "load it in Python and write the table with pandas.DataFrame.to_csv"};
    static const rmx_text_kind records = {
        "a file of TFRecords", "write its examples as CSV first, one row each, with TensorFlow"};
    static const rmx_text_kind bzip2 = {"compressed with bzip2", PIPE("bzip2 -dc")};
    if (bytes > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5) return &pickle;
    /* a length of 8 bytes, its checksum, and a message whose first field is another message */
    if (bytes > 16 && memcmp(head + 3, "\0\0\0\0\0", 5) == 0 && head[12] == 0x0a) return &records;
    if (bytes >= 10 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
        (memcmp(head + 4, "1AY&SY", 6) == 0 ||
         memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", 6) == 0))
        return &bzip2;
    return NULL;
}

const rmx_text_kind *rmx_binary_kind(const unsigned char *head, size_t bytes)
{
    static const rmx_text_kind little = {"text in UTF-16 without a byte order mark",
                                         PIPE("iconv -f UTF-16LE -t UTF-8")};
    static const rmx_text_kind big = {"text in UTF-16 without a byte order mark",
                                      PIPE("iconv -f UTF-16BE -t UTF-8")};
    static const rmx_text_kind unknown = {"in a binary format", "write the table as CSV first"};
    const rmx_text_kind *kind =
        signed_kind(signatures, sizeof signatures / sizeof signatures[0], head, bytes);
    if (kind) return kind;
    if (has(head, bytes, 0, "PK\x03\x04") || has(head, bytes, 0, "PK\x05\x06"))
        return zip_kind(head, bytes);
    size_t mark_bytes;
    if (rmx_text_encoding_of(head, bytes, &mark_bytes) != RMX_TEXT_UTF8) return NULL;
    kind = other_kind(head, bytes);
    if (kind) return kind;
    const size_t few = bytes < 4096 ? bytes : 4096;
    const strangers s = count_strangers(head, few);
    const size_t zeros = s.zeros[0] + s.zeros[1];
    if (zeros > 0 || s.controls > 0) {
        kind = signed_kind(weak_signatures, sizeof weak_signatures / sizeof weak_signatures[0],
                           head, few);
        if (kind) return kind;
    }
    const size_t enough = zeros >= 8 ? few / 16 : few / 4;
    if (few >= 4 && s.zeros[1] > enough && s.zeros[0] == 0) return &little;
    if (few >= 4 && s.zeros[0] > enough && s.zeros[1] == 0) return &big;
    return few >= 64 && (zeros > few / 8 || zeros + s.controls > few / 4) ? &unknown : NULL;
}
