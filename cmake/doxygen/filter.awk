# Turns the plain comments of a public header into Doxygen's, line for line:
#   the first two lines, SPDX and "/* name.h: text", become the description of the file;
#   "/* text" above a declaration becomes "/** text", and one behind it "/**< text";
#   lines that are indented by two or more, formulas and tables of arguments, keep their layout;
#   "Result: text" begins a paragraph with that title;
#   a function without a comment of its own refers to what stands right above it;
#   a function that stands alone without a comment becomes an error.
function escaped(text)
{
    gsub(/[<>#%&@\\]/, "\\\\&", text)
    gsub(/e\.g\. /, "e.g.\\ ", text) # neither of these ends the first sentence
    gsub(/ \.\. /, " \\&hellip; ", text)
    return text
}

# Prints a line of a comment above a declaration, and the blank one before it. `lead` is what the
# line begins with; `text` is the rest of it, with "*/" where the comment ends.
function block_line(lead, text,    ends, body, indent, laid_out, title)
{
    ends = sub(/ *\*\/$/, "", text)
    body = text
    sub(/^ +/, "", body)
    indent = length(text) - length(body)
    if (body == "" && !ends) {
        blank = 1
        flowing = 0
        return
    }
    if (body ~ /^- /) flowing = 1 # a list
    laid_out = indent >= 2 && !flowing
    if (laid_out && !table) print lead (blank || lead != " *" ? " @verbatim" : "\n@verbatim")
    else if (blank && table) print laid_out ? "" : "@endverbatim"
    else if (blank) print " *"
    else if (table && !laid_out) lead = "@endverbatim"
    if (laid_out && !table) table = indent
    if (!laid_out) table = blank = 0
    if (!laid_out && lead != "/**" && match(body, /^[A-Z][a-z]+(, [A-Z][a-z]+)*: +/)) {
        flowing = 1
        title = substr(body, 1, RLENGTH)
        sub(/: +$/, "", title)
        gsub(/,/, "\\,", title)
        text = "@titled{" title "} " escaped(substr(body, RLENGTH + 1))
    } else if (!laid_out) {
        text = substr(text, 1, indent) escaped(body)
    }
    print (laid_out ? substr(text, table + 1) : lead " " text) \
        (ends ? (table ? "@endverbatim */" : " */") : "")
    blank = 0
    in_block = !ends
    if (ends) table = flowing = 0
}

NR == 1 && /SPDX-License-Identifier/ {
    print "/** @file"
    next
}
NR == 2 && sub(/^\/\* [a-z_]+\.h: /, "") {
    block_line(" *", $0)
    next
}
in_trailing {
    in_trailing = !/\*\//
    print escaped($0)
    next
}
in_block {
    sub(/^ *\*( |$)/, "")
    block_line(" *", $0)
    commented = 1
    next
}
sub(/^ *\/\* /, "") {
    block_line("/**", $0)
    commented = 1
    next
}
/\/\* / && !/^#(if|ifdef|ifndef|else|endif|include)/ {
    at = index($0, "/* ")
    in_trailing = !/\*\//
    $0 = substr($0, 1, at - 1) "/**< " escaped(substr($0, at + 3))
}
/^RMX_(API|NODISCARD) / && !commented && !/\/\*/ {
    if (before != "")
        $0 = "/** See " named ". */ " $0
    else # no command of Doxygen's, which complains of it
        $0 = "/** @a_comment_is_missing_here */ " $0
}
{
    if (match($0, /rmx_[a-z_]+\(/)) named = substr($0, RSTART, RLENGTH - 1) "()"
    else if (/^#define /) named = $2
    else if (match($0, /^} rmx_[a-z_]+;/)) named = substr($0, 3, RLENGTH - 3)
    commented = 0
    before = $0
    print
}
