"""Prints one tag of a ParX recording as CSV: python3 read-recording.py FILE "TAG NAME" (format: historian/FORMAT.md)."""
import sqlite3, sys, zlib
from itertools import islice
from struct import calcsize, pack, unpack, unpack_from

def whole(data):  # seven bits a byte, low ones first; the top bit says that more follow
    value = shift = 0
    for byte in data:
        value, shift = value | (byte & 127) << shift, shift + 7
        if byte < 128:
            yield value
            value = shift = 0

def signed(data):
    return ((value >> 1) ^ -(value & 1) for value in whole(data))

def runs(data, size):  # how many runs, their lengths, and at the end what each repeats
    lengths = list(islice(whole(data), 1 + next(whole(data))))
    return [data[size * (i - lengths[0]):][:size] for i, count in enumerate(lengths[1:]) for _ in range(count)]

def times(code, data, n):
    if code == 0:
        return unpack("<%dd" % n, data)
    first, second = unpack_from("<2d", data)
    if code < 3:  # a raster, exact (1) or with distances from it (2)
        unit, off = (unpack_from("<d", data, 16)[0], signed(data[24:])) if code == 2 else (0, [0] * n)
        return [first + i * second + distance * unit for i, distance in enumerate(off)]
    out, step = [first], 0
    for change in signed(data[16:]):
        step += change
        out.append(out[-1] + step * second)
    return out

def values(code, data, n):  # as the eight bytes of each slot
    if code == 1:
        return [data] * n
    if code == 2:
        power, steps, base = unpack("<BBd", data[:10])
        out = [base]
        for off in signed(data[10:]) if steps else whole(data[10:]):
            out.append((out[-1] if steps else base) + off)
        return [pack("<d", number / 10 ** power) for number in out[-n:]]
    if code == 3:
        return runs(data, 8)
    at = code - 4  # planes of eight bytes (4), or of four after a byte that says which (5)
    out = [data[at + 1 + i::n][:8 - 4 * at] for i in range(n)]
    for i in range(1, n if data[at] else 0):
        out[i] = bytes(a ^ b for a, b in zip(out[i - 1], out[i]))
    return [pack("<d", unpack("<I" if data[0] else "<f", slot)[0]) for slot in out] if at else out

def qualities(code, data, n):
    return [unpack("<H", quality)[0] for quality in (runs(data, 2) if code else [data] * n)]

def chunk(blob):
    at, columns = 24, []
    for decode, code, size in zip((times, values, qualities), blob[1:4], unpack_from("<3I", blob, 12)):
        part = zlib.decompress(blob[at:at + size], -15) if code & 128 else blob[at:at + size]
        columns.append(decode(code & 127, part, unpack_from("<I", blob, 8)[0]))
        at += size
    return zip(*columns)

def number(slot, form, kind, order, bit):  # applies the decode recipe
    letter = dict(zip("bit int8 uint8 int16 uint16 int32 uint32 float32 int64 uint64".split(), "HbBhHiIfqQ")).get(kind, "d")
    letter = "d" if form in ("number", "text") else letter if bit is None else "Q" if form == "bits64" else "IH"[bit < 16]
    wire = slot[::-1] if letter in "dqQ" else pack(">Q", int(unpack("<d", slot)[0]))[-calcsize(">" + letter):]
    words = [wire[i:i + 2][::-1 if order in ("BADC", "DCBA") else 1] for i in range(0, len(wire), 2)]
    value = unpack(">" + letter, b"".join(words[::-1 if order in ("CDAB", "DCBA") else 1]))[0]
    return value >> bit & 1 if bit is not None else min(value, 1) if kind == "bit" else value

db = sqlite3.connect("file:%s?mode=ro" % sys.argv[1], uri=True)
*recipe, gain, offset, tag = db.execute("""SELECT form, type, iif(form IN ('number', 'text'), 'ABCD', word_order), bit,
    coalesce(gain, (high - low) / (raw_high - raw_low), 1),
    coalesce("offset", low - raw_low * ((high - low) / (raw_high - raw_low)), 0), number
    FROM recipes JOIN tags ON tag = number WHERE name = ? ORDER BY version DESC""", sys.argv[2:3]).fetchone()
for blob, in db.execute("SELECT data FROM chunks WHERE tag = ? ORDER BY first", (tag,)):
    for time, slot, quality in chunk(blob):
        value = number(slot, *recipe)
        print("%d,%r,%d" % (time, float(value * gain + offset if (gain, offset) != (1, 0) else value), quality))
