"""Prints one tag of a ParX recording as CSV: python3 read-recording.py FILE "TAG NAME" (format: historian/FORMAT.md)."""
import sqlite3, sys
from itertools import accumulate
from math import ceil, floor
from struct import calcsize, pack, unpack, unpack_from

class Reader:
    def __init__(self, data):
        self.data, self.bit = data, 0  # where it is, in bits

    def bits(self, count):  # of a stream, lowest first
        start, self.bit = self.bit, self.bit + count
        return int.from_bytes(self.data[start >> 3:(start >> 3) + 5], "little") >> (start & 7) & (1 << count) - 1

    def get(self, letter):  # a number of fixed size, from the next whole byte on
        at = (self.bit + 7) // 8
        self.bit = (at + calcsize("<" + letter)) * 8
        return unpack_from("<" + letter, self.data, at)[0]

    def whole(self):  # seven bits a byte, low ones first; the top bit says that more follow
        byte = self.get("B")
        return byte if byte < 128 else byte - 128 + (self.whole() << 7)

    def rice(self, low):
        zeros = next((i for i in range(16) if self.bits(1)), 16)
        return self.bits(32) if zeros == 16 else (zeros << low) + self.bits(low)

    def column(self, n):  # packed whole numbers
        code = self.get("B")
        kind = code & 127
        if kind > 64:  # digits, several to a word, and the low bits behind them
            base, bits = self.whole(), lambda size: (base ** size - 1).bit_length()
            size = min((g for g in range(1, 33) if bits(g) <= 32), key=lambda g: bits(g) / g)
            words = [self.bits(bits(size)) for _ in range(ceil(n / size))] + [self.get("0s")]
            out = [(words[i // size] // base ** (i % size) % base << kind - 65) + self.bits(kind - 65) for i in range(n)]
        else:
            out = [self.rice(kind - 33) if kind > 32 else self.bits(kind) for _ in range(n)]
        at = -1
        for _ in range(self.whole() if code > 127 else 0):
            at += self.whole() + 1
            out[at] = self.whole()
        return out

    def wide(self, n):
        return [low + (high << 32) for low, high in zip(self.column(n), self.column(n))]

def signed(number):
    return number >> 1 ^ -(number & 1)

def times(data, first, power, period, n):
    code = data.get("B")
    if code == 0:
        return [first] + [data.get("d") for _ in range(n - 1)]
    power, period = (data.get("B"), data.get("d")) if code & 8 else (power, period)
    if code & 7 == 1:  # distances from a raster, which may shift
        at, shifts = 0, [0] * n
        for _ in range(data.whole() if code & 16 else 0):
            at += data.whole()
            shifts[at] = signed(data.whole())
        shifts[0] += signed(data.whole())
        off = data.column(n)
        return [first + (floor(i * period + 0.5) + sum(shifts[:i + 1]) + off[i]) * 10 ** power for i in range(n)]
    step, out = signed(data.whole()), [first]
    for number in data.wide(n - 1):  # steps from the least on (2), or their changes (3)
        step, more = (step, step + number) if code & 7 == 2 else [step + signed(number)] * 2
        out.append(out[-1] + more * 10 ** power)
    return out

def expect(kind, expected, n, found):  # 1 the number before, 2 a line through two, else a line that remembers more
    slope, memory = 0, kind - 1 if kind < 3 else 1 << kind - 1
    for i in range(n):
        number, k = found(expected, i), min(i, memory)
        yield number
        error = number - expected
        expected = expected + slope + 4 / (k + 1) * error if k else number
        slope += 6 / ((k + 1) * (k + 2)) * error if k else 0

def stored(number, form):  # a number as the eight bytes that stand for it: a double, a single, or a single's wire bits
    if form == 0:
        return pack("<d", number)
    wire = pack(">f", number)  # its bytes in the orders ABCD, CDAB, BADC, DCBA
    return pack("<d", *unpack(">f" if form == 1 else ">I", bytes(wire[i ^ (0, 0, 0, 2, 1, 3)[form]] for i in range(4))))

def values(data, n):
    code = data.get("B")
    if code == 0:
        return [data.get("8s")] * n
    if code == 1:
        lengths = data.column(data.whole())
        return [value for length, value in zip(lengths, values(data, len(lengths))) for _ in range(length + 1)]
    if code & 127 == 4:
        out = [pack("<Q", total % 2 ** 64) for total in accumulate(map(signed, data.wide(n)))]
    else:
        form, kind, detail = *divmod(data.get("B"), 16), data.get("B")
        base, unit, level = (signed(data.whole()), data.whole(), data.whole() if kind else 0) if code & 127 == 2 else (0, 1, 0)
        off = data.column(n)
        def whole(expected, i):
            return round(expected) + signed(off[i]) & 0xffffffff
        def single(expected, i):
            order = lambda bits: bits ^ 0x7fffffff if bits >> 31 else bits
            guess = unpack("<I", pack("<f", expected if abs(expected) < 1e38 else 0))[0]
            low = max(0, min(24, detail - (guess >> 23 & 255)))
            bits = order(guess) + signed((off[i] << low) + data.bits(low))
            return unpack("<f", pack("<I", order(bits & 0xffffffff)))[0]
        if code & 127 == 3:
            data.get("0s")
            out = [stored(number, form) for number in expect(kind, 0, n, single)]
        else:
            found = expect(kind, level, n, whole) if kind else off
            out = [stored((base + number * unit) / 10 ** detail, form) for number in found]
    at = 0
    for _ in range(data.whole() if code > 127 else 0):  # slots that do not fit the code
        at += data.whole()
        length, value = data.whole(), data.get("8s")
        out[at:at + length] = [value] * length
        at += length
    return out

def qualities(data, code, n):
    each = [data.get("H") for _ in range(data.whole())] if code > 1 else [data.get("H") if code else 0]
    return [value for value, length in zip(each, data.column(len(each)) if code > 1 else [n - 1]) for _ in range(length + 1)]

def chunk(blob):
    layout, plain, size, samples, first, power, period = unpack_from("<BBHIdBd", blob)
    data, firsts, ends = Reader(blob[25:]), [first], [0]
    for i in range(ceil(samples / size)):
        ends.append(ends[-1] + data.whole())
        if i > 0:
            firsts.append(data.get("d") if plain else firsts[-1] + floor(period * size) * 10 ** power + signed(data.whole()))
    blocks = blob[25 + data.bit // 8:]
    for i, first in enumerate(firsts):
        data, n = Reader(blocks[ends[i]:]), min(size, samples - i * size)
        quality = qualities(data, data.get("B") & 15, n)
        yield from zip(times(data, first, power, period, n), values(data, n), quality)

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
