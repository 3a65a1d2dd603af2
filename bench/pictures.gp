# pictures.gp: the pictures of rmx-bench. The program holds this text and runs it after setting
#   folder, type (svg or png), machine, yardstick ("": none) and limit (multiply-adds a second),
#   $curves, blocks of lines "x seconds flop/s ratio MiB rate"; name[i + 1] is block i's name,
#   product, forward, both_ways, block, step, products, scoring: lists of blocks, such as "0 1 2",
#   $bars, lines "-n percent name", and their number in bars.
SECONDS = '%.0s %cs'
SCALED = '%.0s%c'

# Colours that are told apart in grey and by most eyes; the first is ours.
set border 3 lc rgb '#666666' lw 0.8
set tics nomirror out scale 0.5 tc rgb '#333333'
set grid ytics lc rgb '#e4e7eb' lt 1 lw 0.8
set style line 1 lc rgb '#0b4f8a' lw 2.4 pt 7 ps 0.7
set style line 2 lc rgb '#d1495b' lw 2.4 pt 5 ps 0.7
set style line 3 lc rgb '#2a9d8f' lw 2.4 pt 9 ps 0.8
set style line 4 lc rgb '#e09f3e' lw 2.4 pt 13 ps 0.8
set style line 5 lc rgb '#6d597a' lw 2.4 pt 11 ps 0.8
set style line 20 lc rgb '#888888' lw 1.2 dt (6,5)
set key tc rgb '#333333' samplen 2 spacing 1.15 noenhanced
set title font ',14' tc rgb '#222222'
set xlabel tc rgb '#333333'
set ylabel tc rgb '#333333'

# ---- commands for eval -----------------------------------------------------------------------

# Opens a picture; the machine stands small at its foot.
open(picture, width, height) = sprintf('set terminal %s size %d,%d font "Helvetica,12" ' \
    .'background "#ffffff"; set output folder."/%s.%s"; set label 1 machine at screen 0.985, ' \
    .'0.022 right font ",9" tc rgb "#888888" noenhanced', \
    type eq 'png' ? 'pngcairo fontscale 0.8' : type, width, height, picture, type)
panels(n) = sprintf('set multiplot layout 1,%d margins %s,0.97,0.2,0.9 spacing %s,0; ' \
    .'set logscale x 2; set format x "%%.0f"', \
    n, n == 3 ? '0.055' : '0.08', n == 3 ? '0.07' : '0.1')
CLOSE = 'unset multiplot; unset output'
labels(title, x, y) = sprintf('set title "%s" noenhanced; set xlabel "%s"; set ylabel "%s"; ' \
    .'set key top left Left reverse', title, x, y)
# A y axis from zero on, with room above the curves for so many lines of key.
linear(format, key) = sprintf('unset logscale y; set yrange [0:*]; set format y "%s"; ' \
    .'set offsets 0, 0, graph %.3f, 0', format, 0.05 + 0.075 * key / (1.0 - 0.075 * key))
# The same, logarithmic and around the values of a column of some blocks.
logarithmic(format, key, blocks, column) = sprintf( \
    'set yrange [*:*]; least = 1e300; most = 0; ' \
    .'do for [i in "%s"] { stats $curves index int(i) using %d nooutput; ' \
    .'least = STATS_min < least ? STATS_min : least; most = STATS_max > most ? STATS_max : most }; ' \
    .'decades = log10(1.5 * most / least); decades = decades < 0.3 ? 0.3 : decades; ' \
    .'set logscale y 10; set offsets 0, 0, 0, 0; set format y "%s"; ' \
    .'set yrange [least / 1.3 : 1.3 * most * 10 ** (decades * %f)]', \
    blocks, column, format, 0.075 * key / (1.0 - 0.075 * key))

# ---- product: ours in full lines, theirs dashed in the same colours; the ratio of the two -----

if (words(product) > 0) {
    eval open('product', 1080, 480)
    eval panels(yardstick eq '' ? 1 : 2)
    eval labels('fp32 product x W'.(yardstick eq '' ? '' : '; dashed: '.yardstick), 'rows M', 'FLOP/s')
    eval logarithmic(SCALED, 0, product, 3)
    set yrange [*:*] # theirs may be lower
    set key bottom right
    plot limit with lines ls 20 title limit > 0 ? 'multiply-adds, measured' : '', \
        for [n=1:words(product)] $curves index int(word(product, n)) using 1:3 \
            with linespoints ls n title name[int(word(product, n)) + 1], \
        for [n=1:words(product)] $curves index int(word(product, n)) using 1:($3 / $4) \
            with lines ls n lw 1.4 dt (5,4) notitle
    unset label 1
    if (yardstick ne '') {
        eval labels('Speed against '.yardstick, 'rows M', yardstick.' time / our time')
        eval linear('%.1f', 1)
        plot 1 with lines ls 20 title 'as fast', \
            for [n=1:words(product)] $curves index int(word(product, n)) using 1:4 \
                with linespoints ls n notitle
    }
    eval CLOSE
}

# ---- token_mixer: a colour each for token mixing and attention; dashes for forward alone ------

if (words(both_ways) > 0) {
    eval open('token_mixer', 1440, 480)
    eval panels(3)
    eval labels('Time of a batch', 'tokens T', '')
    eval logarithmic(SECONDS, words(forward.' '.both_ways), forward.' '.both_ways, 2)
    plot for [n=1:words(forward)] $curves index int(word(forward, n)) using 1:2 \
            with linespoints ls n dt (5,4) title name[int(word(forward, n)) + 1], \
        for [n=1:words(both_ways)] $curves index int(word(both_ways, n)) using 1:2 \
            with linespoints ls n title name[int(word(both_ways, n)) + 1]
    unset label 1
    eval labels('Kept for backward, and its scratch', 'tokens T', 'MiB')
    eval logarithmic('%g', 0, both_ways, 5)
    plot for [n=1:words(both_ways)] $curves index int(word(both_ways, n)) using 1:5 \
        with linespoints ls n notitle
    eval labels('Speed', 'tokens T', 'tokens a second')
    eval logarithmic(SCALED, 0, forward.' '.both_ways, 6)
    plot for [n=1:words(forward)] $curves index int(word(forward, n)) using 1:6 \
            with linespoints ls n dt (5,4) notitle, \
        for [n=1:words(both_ways)] $curves index int(word(both_ways, n)) using 1:6 \
            with linespoints ls n notitle
    eval CLOSE
}

# ---- block -----------------------------------------------------------------------------------

if (words(block) > 0) {
    eval open('block', 1080, 480)
    eval panels(2)
    eval labels('Speed of its products', 'batch B', 'FLOP/s')
    eval linear(SCALED, words(block) + 1)
    plot limit with lines ls 20 title limit > 0 ? 'multiply-adds, measured' : '', \
        for [n=1:words(block)] $curves index int(word(block, n)) using 1:3 \
            with linespoints ls n title name[int(word(block, n)) + 1]
    unset label 1
    eval labels('Time of a call', 'batch B', '')
    eval logarithmic(SECONDS, 0, block, 2)
    plot for [n=1:words(block)] $curves index int(word(block, n)) using 1:2 \
        with linespoints ls n notitle
    eval CLOSE
}

# ---- step: a colour a model --------------------------------------------------------------------

if (words(step) > 0) {
    eval open('step', 1080, 480)
    eval panels(2)
    eval labels('Time of a training step', 'batch B', '')
    eval logarithmic(SECONDS, words(step.' '.products), step.' '.products, 2)
    plot for [n=1:words(step)] $curves index int(word(step, n)) using 1:2 \
            with linespoints ls n title name[int(word(step, n)) + 1], \
        for [n=1:words(products)] $curves index int(word(products, n)) using 1:2 \
            with linespoints ls n dt (5,4) title name[int(word(products, n)) + 1]
    unset label 1
    eval labels('Training and scoring', 'batch B', 'samples a second')
    eval logarithmic(SCALED, words(step.' '.scoring), step.' '.scoring, 6)
    plot for [n=1:words(scoring)] $curves index int(word(scoring, n)) using 1:6 \
            with linespoints ls n dt (5,4) title name[int(word(scoring, n)) + 1], \
        for [n=1:words(step)] $curves index int(word(step, n)) using 1:6 \
            with linespoints ls n title name[int(word(step, n)) + 1]
    eval CLOSE
}

# ---- memory_bound: a bar a line; its number stands at the end, beside a short bar ---------------

if (bars > 0) {
    eval open('memory_bound', 820, 110 + 19 * bars)
    unset logscale
    set title 'Necessary bytes a second, % of a copy'
    unset xlabel
    unset ylabel
    set format x '%.0f'
    set yrange [0.3 - bars:0.7]
    set xrange [0:*]
    set offsets 0, graph 0.02, 0, 0
    set lmargin 37
    set tmargin 3
    set bmargin 4
    set grid noytics xtics
    set border 1
    set ytics scale 0 noenhanced
    set style fill solid 1.0
    set arrow 1 from 100, graph 0 to 100, graph 1 nohead back ls 20
    plot $bars using ($2 / 2):1:($2 / 2):(0.36):ytic(3) with boxxyerror lc rgb '#0b4f8a' notitle, \
        $bars using ($2 < 8 ? NaN : $2):1:(sprintf('%.0f', $2)) with labels right \
            offset -0.5,0 font ',10' tc rgb '#ffffff' notitle, \
        $bars using ($2 < 8 ? $2 : NaN):1:(sprintf('%.0f', $2)) with labels left \
            offset 0.5,0 font ',10' tc rgb '#333333' notitle
    eval CLOSE
}
