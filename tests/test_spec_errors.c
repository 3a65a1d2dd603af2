/* SPDX-License-Identifier: MIT */
/* test_spec_errors.c: what column specs cannot say, and the words with which it is refused. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "spec_testing.h"

Test(spec_errors, lines_that_are_refused)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "0 dense or sparse"},
        {"[columns]\nb = label positive=1\n* = skip\n", "needs the names of a header"},
        {"[columns]\nb = label positive=1\nc = group\n", "0 dense or sparse"},
        {"[file]\nheader = yes\n[columns]\nb = label\n* = skip\n", "0 dense or sparse"},
        {"[columns]\nnonsense\n", ":2: not of the form name = value"},
        {"[columns]\na: dense\n", ":2: not of the form name = value"},
        {"[columns]\na: label positive=skip\n", "'a: label positive': the sign between"},
        {"[columns]\n= dense\n", ":2: there is no name before '='"},
        {"[columns]\n\"\" = dense\n", "the name is empty"},
        {"[columns]\na = dense\n  log\n", ":3: the line begins with a blank"},
        {"a = dense\n", ":1: text before the first section"},
        {"[fiel]\n",
         ":1: unknown section [fiel]; there are [file], [columns] and [fitted]; did you "
         "mean [file]?"},
        {"[columns\na = dense\n", ":1: '[' without ']'"},
        {"[columns] a\n", "text after ']'"},
        {"[columns]\n\"a = dense\n", ":2: the quote has no end"},
        {"[columns]\n\"a\"b = dense\n", "after the quoted name comes '='"},
        {"[columns]\n\"a\"\n", ":2: not of the form"},
        {"[columns]\na\"b = dense\n", "quotes stand around a whole text"},
        {"[columns]\n'a' = dense\n", "use double quotes"},
        {"[columns]\na ;b = dense\n", "this could be a comment"},
        {"[columns]\na #b = dense\n", "this could be a comment"},
        {"[columns]\na\\t = dense\n", "escapes are for quotes"},
        {"[columns]\n\"a\\d\" = dense\n", "write \\\\ for a backslash"},
        {"[columns]\n\"a\\x00\" = dense\n", "\\x01"},
        {"[columns]\n\"a\\x1\" = dense\n", "\\x01"},
        {"[columns]\n\"a\\n\" = dense\n", ":2: 'a?': the name has a control character"},
        {"[columns]\n\"a\\xc2\\x85\" = dense\n", "control character"},
        {"[columns]\n\xe4 = dense\n", ":2: '?': the name is not valid UTF-8"},
        {"[columns]\n\xc0\xaf = dense\n", "not valid UTF-8"},
        {"[columns]\n\xed\xa0\x80 = dense\n", "not valid UTF-8"},
        {"[columns]\na\x01 = dense\n", ":2: byte 2 is a control character: write it in quotes as "
                                       "\"\\x01\""},
        {"[columns]\ra = dense\r", ":1: byte 10 is a carriage return"},
        {"[columns]\n; c\x7f\n", "byte 4 is a control character"},
        {"[columns]\na = dense\n[fitted]\na = nan 1\n", ":4: 'a': needs two finite numbers"},
        {"[columns]\na = dense\n[fitted]\na = 1\n", "needs two finite numbers"},
        {"[columns]\na = dense\n[fitted]\na = 1 2 3\n", "needs two finite numbers"},
        {"[columns]\na = dense\n[fitted]\na = 1 1e999\n", "needs two finite numbers"},
        {"[columns]\na = dense\n[fitted]\na = 1 2\n", ":4: 'a': the column has no zscore"},
        {"[columns]\na = dense zscore\n[fitted]\nb = 1 2\n", ":4: 'b': [columns] has no such"},
        {"[columns]\na = dense zscore\n[fitted]\na = 1 2\na = 1 2\n", ":5: 'a': is there twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, cases[i].says);
    char text[500];
    snprintf(text, sizeof text, "[columns]\n%0128d = dense\n", 1);
    refused(text, "more than 127 bytes");
    snprintf(text, sizeof text, "[columns]\n%0200d..%0200d = dense\n", 1, 2);
    refused(text, "range");
    snprintf(text, sizeof text, "[columns]\nx%0150dx1..x%0150dx2 = dense\n", 1, 1);
    refused(text, "more than 127 bytes");
    snprintf(text, sizeof text, "[columns]\n%0127d = dense\n", 1);
    rmx_spec s = parse(text);
    rmx_spec_free(&s);
    snprintf(text, sizeof text, "[columns]\n%0120d = dense flag\n", 1);
    refused(text, "names of its fields have more than 127 bytes");
}

Test(spec_errors, files_that_are_refused)
{
    static const struct {
        const char *lines, *says;
    } cases[] = {
        {"colour = red", ":2: 'colour': unknown; [file] has separator, header, trim, quotes, pad, "
                         "missing, decimal, comment and skip_lines"},
        {"headers = yes", "did you mean 'header'?"},
        {"trim = no\ntrim = yes", ":3: 'trim': is there twice, first in line 2"},
        {"missing = a\nmissing = b", ":3: 'missing': is there twice"},
        {"header = true", ":2: 'header': write first, yes or no, not 'true'"},
        {"pad = 1", "write yes or no, not '1'"},
        {"trim = yes # always", "a comment begins with ' ;'"},
        {"quotes = double", "write auto, yes or no"},
        {"decimal = dot", "write point or comma"},
        {"decimal = comma\nquotes = no", ":2: 'decimal': a comma cannot be both"},
        {"separator = ab",
         ":2: 'separator': 'ab' is unknown: write tab, comma, semicolon, space or "
         "the text itself in double quotes"},
        {"separator = \\t", "\"\\t\" is a tab"},
        {"separator = \\", "'\\' is unknown"},
        {"separator = ','", "use double quotes"},
        {"separator = \"123456789\"", "it has 9 bytes: write 1 to 8"},
        {"separator = \"\"", "it has 0 bytes"},
        {"separator = \"a\\n\"", "a line end cannot be within it"},
        {"separator = \"\\\"\"", "write quotes = no"},
        {"separator = ;", ":2: 'separator': has no value, as ';' after a blank begins a comment: "
                          "write \";\""},
        {"missing = ;", ":2: 'missing': has no value, as ';' after a blank"},
        {"missing =", ":2: 'missing': has no value: leave the line out, or write \"\""},
        {"missing =;a", "';a' could be a comment"},
        {"missing =; a", "'a' follows the value"},
        {"missing = NA nan", "'nan' follows the value; blanks in a value need double quotes"},
        {"missing = NA | nan", "'| nan' follows the value"},
        {"missing = NA|", "a text is lacking; write \"\""},
        {"missing = |NA", "a text is lacking"},
        {"missing = 'NA'", "use double quotes"},
        {"missing = \\n", "escapes are for quotes"},
        {"missing = NA\"x\"", "quotes stand around a whole text"},
        {"missing = \"NA\"x", "after a closing quote"},
        {"missing = \"NA\";x", "after a closing quote"},
        {"missing = \"NA", "the quote has no end"},
        {"missing = \"NA\\\"", "the quote has no end"},
        {"comment = none", "'none' is unknown: write the text itself in double quotes"},
        {"comment = # so", "'so' follows the value"},
        {"comment = \"\\\"\"", "quotes = no"},
        {"comment = \",\"", "separator and comment begin alike"},
        {"comment = ,,", "separator and comment begin alike"},
        {"separator = ||\ncomment = \"|\"", ":3: 'comment': lines whose first values are empty"},
        {"skip_lines = -1", "'-1' is out of range: write a whole number from 0 to 1000000000"},
        {"skip_lines = 1000000001", "out of range"},
        {"skip_lines = 99999999999999999999999999", "out of range"},
        {"skip_lines = two", "out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "[file]\n%s\n[columns]\na = dense\n", cases[i].lines);
        refused(text, cases[i].says);
    }
}

Test(spec_errors, columns_that_are_refused)
{
    static const struct {
        const char *lines, *says;
    } cases[] = {
        {"a = dens", ":2: 'a': write skip, label, dense, sparse, time, group or key first, not "
                     "'dens'; did you mean 'dense'?"},
        {"a =", ":2: 'a': write skip"},
        {"a = ; dense", ":2: 'a': write skip"},
        {"a = weight", "not 'weight'"},
        {"a = \"dense\"", "without quotes"},
        {"a = dense=1", "write skip"},
        {"a = dense sqrt",
         ":2: 'a': dense takes none, log, zscore, flag, group and key, not 'sqrt'"},
        {"a = dense zscor", "did you mean 'zscore'?"},
        {"a = dense log log", "log is there twice"},
        {"a = dense log=1", "log takes no value"},
        {"a = dense none log", "leave it out"},
        {"a = dense min_count=1", "dense takes"},
        {"a = dense; really", "write skip"},
        {"a = dense # really", "not '#'"},
        {"a = sparse list=|",
         "sparse takes min_count=N, most=N, buckets=N, last=N, group and key"},
        {"a = sparse mincount=5", "did you mean 'min_count'?"},
        {"a = sparse min_count=0",
         "'0' is out of range: write a whole number from 1 to 2147483647"},
        {"a = sparse min_count=+5", "out of range"},
        {"a = sparse min_count=5;", "out of range"},
        {"a = sparse min_count = 5", "write min_count=N, without blanks"},
        {"a = sparse min_count= 5", "'' is out of range"},
        {"a = sparse min_count", "write min_count=N"},
        {"a = sparse last=1025", "out of range"},
        {"a = sparse buckets=99999999999", "out of range"},
        {"a = sparse buckets=9 min_count=2", "buckets= makes no table, so min_count= has no use"},
        {"a = sparse most=1 buckets=9", "so most= has no use"},
        {"a = label negative=0", "say which values are positive, too: positive=1"},
        {"a = label positive=1|", "a text is lacking; write \"\""},
        {"a = label positive=", "a text is lacking"},
        {"a = label positive=1 negative=0|1", "the value '1' is there twice"},
        {"a = label positive=1|1", "the value '1' is there twice"},
        {"a = label positive=1 positive=2", "positive is there twice"},
        {"a = label positive=1 key",
         "label takes positive=A|B, negative=C|D and masked, not 'key'"},
        {"a = label \"positive=1\"", "without quotes"},
        {"a = time day", "time takes hour, weekday, seconds, zscore, unit=auto|s|ms|us|ns, group "
                         "and key, not 'day'"},
        {"a = time unit=h", "unit=h is unknown: write auto, s, ms, us or ns"},
        {"a = time unit=", "unit= is unknown"},
        {"a = time hour zscore", "zscore is for seconds"},
        {"a = skip it", "skip takes nothing more, such as 'it'"},
        {"a = skip group", "skip takes nothing more"},
        {"a = group sparse", "of a feature they follow its kind: sparse group key"},
        {"a = group group", "group is there twice"},
        {"a = dense\na = dense", ":3: 'a': the column is there twice, first in line 2"},
        {"a = dense\nb = skip\nb = label\na = sparse",
         ":4: 'b': the column is there twice, first in "
         "line 3"},
        {"a = sparse\na = group", ":3: 'a': the column is there twice, first in line 2; one line "
                                  "can hold both, as in: sparse "
                                  "group key"},
        {"a = sparse group\nb = dense\nc = group", ":4: 'c': a second group column, after 'a'"},
        {"g1..g2 = sparse group", ":2: 'g2': a second group column, after 'g1'"},
        {"a = dense flag\na_missing = dense", ":3: 'a_missing': becomes a field that 'a' becomes, "
                                              "too"},
        {"a_hour = sparse\na = time", ":3: 'a': becomes a field that 'a_hour' becomes, too"},
        {"k1..k65 = sparse key", ":2: 'k65': more than 64 columns are group or key"},
        {"k1..k40000 = dense flag", "more than 65536 sparse or dense fields"},
        {"a = dense\nC* = sparse", ":3: 'C*': a pattern needs the names of a header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "[columns]\n%s\n", cases[i].lines);
        refused(text, cases[i].says);
    }
    refused("[file]\nheader = yes\n[columns]\nC* = sparse\nC* = dense\n",
            ":5: 'C*': the column is there twice");
    /* what is no field has no quarrel with one */
    rmx_spec s = parse("[columns]\na = dense flag\na_missing = skip\na_hour = label\nC* = skip\n"
                       "[file]\nheader = first\n[columns]\n\"C*\" = skip\n");
    cr_assert_eq(s.columns, 5);
    rmx_spec_free(&s);
}
