#!/usr/bin/env python3
"""A reader of data sets and checkpoints, written after docs/formats.md and nothing else.

usage: read_formats.py FILE... [--order SEED EPOCH]

Checks every hash of each file with its own code, compares the arrays with what h5py reads, and
with --order prints the first twenty rows of an epoch. Needs h5py, numpy and xxhash."""
import json
import sys

import h5py
import numpy as np
import xxhash

TYPES = {"u8": "<u1", "u32": "<u4", "u64": "<u8", "f32": "<f4", "bf16": "<u2"}


def hashed(data):
    return xxhash.xxh3_64_hexdigest(bytes(data))


def check(condition, what):
    if not condition:
        sys.exit(f"read_formats.py: {what}")


def read_container(path):
    raw = open(path, "rb").read()
    head = raw[:512].rstrip(b"\0").decode().split("\n")
    check(hashed(("\n".join(head[:4]) + "\n").encode()) ==
          head[4].split()[1], "head")
    check(int(head[1].split()[1]) == len(raw), "file size")
    _, offset, size, index_hash = head[2].split()
    offset, size = int(offset), int(size)
    check(hashed(raw[offset:offset + size]) == index_hash, "index")
    index = json.loads(raw[offset:offset + size])
    check(index["requires"] == [], "requires")
    extents, arrays = [(offset, size)], {}
    with h5py.File(path) as f:
        check(bytes(f["index"][()]) == raw[offset:offset + size], "/index")
        for a in index["arrays"]:
            width = a.get("record_bytes") or np.dtype(TYPES[a["type"]]).itemsize
            count = int(np.prod(a["shape"], dtype=np.int64)) * width
            data = raw[a["offset"]:a["offset"] + count]
            check(hashed(data) == a["xxh3"], a["name"])
            check(f[a["name"]][...].tobytes() == data, f"{a['name']} by h5py")
            if count:
                extents.append((a["offset"], count))
            if a["type"] != "text":
                arrays[a["name"]] = np.frombuffer(data, TYPES[a["type"]]).reshape(a["shape"])
            else:
                arrays[a["name"]] = f[a["name"]][...]
    rest, at = b"", 512
    for start, count in sorted(extents):
        check(start >= at, "overlap")
        rest += raw[at:start]
        at = start + count
    check(hashed(rest + raw[at:]) == head[3].split()[1], "rest")
    return head[0].split()[1], index, arrays


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 & 0xFFFFFFFF, p0 >> 32 ^ c[3] ^ k[1], p0 & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def word(seed, purpose, step, element):
    q = element // 4
    counter = [q & 0xFFFFFFFF, q >> 32, step & 0xFFFFFFFF, purpose << 24 | step >> 32 & 0xFFFFFF]
    return philox(counter, [seed & 0xFFFFFFFF, seed >> 32])[element % 4]


def permutation(n, seed, epoch, stream):
    out = list(range(n))
    for i in range(n - 1, 0, -1):
        attempt = 0
        while True:
            w = word(seed, 2, epoch, (stream << 40) + (i << 8) + attempt)
            if w < 2**32 // (i + 1) * (i + 1):
                break
            attempt += 1
        j = w % (i + 1)
        out[i], out[j] = out[j], out[i]
    return out


def order(rows, block_rows, seed, epoch):
    """The rows of an epoch, window by window."""
    blocks = permutation(-(-rows // block_rows), seed, epoch, 0)
    for v in range(0, len(blocks), 16):
        window = [r for b in blocks[v:v + 16]
                  for r in range(b * block_rows, min(rows, (b + 1) * block_rows))]
        for i in permutation(len(window), seed, epoch, 1 + v // 16):
            yield window[i]


def check_dataset(index, arrays):
    n, block = index["rows"], index["block_rows"]
    for name in ("/label", "/dense", "/sparse", "/group", "/row", "/text"):
        if name not in arrays:
            continue
        check(len(arrays[name]) == n, f"rows of {name}")
        for b, expected in enumerate(arrays["/xxh3" + name]):
            data = arrays[name][b * block:(b + 1) * block].tobytes()
            check(xxhash.xxh3_64_intdigest(data) == expected, f"block {b} of {name}")
    for i, field in enumerate(index["schema"]["sparse"]):
        check(arrays["/sparse"][:, i].max() < field["vocabulary"], field["name"])
        if field["values"]:
            check(hashed(arrays[f"/table/{i}"].tobytes()) == field["hash"], f"/table/{i}")
    for i, task in enumerate(index["schema"]["tasks"]):
        if "/label" in arrays:
            check((arrays["/label"][:, i] == 1).sum() == task["positive"], task["name"])


def check_checkpoint(index, arrays):
    parameters = [arrays[t["array"]].tobytes() for t in index["tensors"] if t["parameter"]]
    check(hashed(b"".join(parameters)) == index["state"]["params_xxh3"], "params_xxh3")


def main():
    args, wanted = sys.argv[1:], None
    if "--order" in args:
        at = args.index("--order")
        wanted = int(args[at + 1]), int(args[at + 2])
        del args[at:at + 3]
    for path in args:
        kind, index, arrays = read_container(path)
        (check_dataset if kind == "dataset" else check_checkpoint)(index, arrays)
        print(f"{path}: {kind}, {len(index['arrays'])} arrays, every hash agrees")
        if wanted and kind == "dataset":
            rows = order(index["rows"], index["block_rows"], *wanted)
            print("order", *[next(rows) for _ in range(min(20, index["rows"]))])


if __name__ == "__main__":
    main()
