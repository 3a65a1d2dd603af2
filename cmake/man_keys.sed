# From the table of rmx-train --print-keys to a section of its manual page, for sed -nE.
1 i [CONFIG KEYS]\
The key train.lr is the line lr = ... in the section [train] of CONFIG.ini.
s/\\\|/|/g
s/^\| `(.*)` \| (.*) \| (.*) \| (.*) \|$/.TP\n\\fB\1\\fR = \2\n\4 [default: \3]/p
