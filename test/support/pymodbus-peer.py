# Server and client of pymodbus, which shares nothing with this repository.
#   serve FRAMING VALUES          prints its port and runs until its input ends
#   read FRAMING PLACE REQUESTS   prints the list of answers
# FRAMING is tcp, rtu-over-tcp or rtu-serial (read only). VALUES are [unit, table, offset, type, order, value], REQUESTS
# are [unit, table, offset, type, order] or, for bits, [unit, table, offset, "bit", count]; both as JSON. PLACE is a port
# of this computer or a serial port. Integers travel as texts, since JSON's numbers end at 2^53.
import asyncio
import json
import sys

from pymodbus.client import ModbusSerialClient, ModbusTcpClient
from pymodbus.constants import Endian
from pymodbus.datastore import ModbusServerContext, ModbusSlaveContext, ModbusSparseDataBlock
from pymodbus.framer.rtu_framer import ModbusRtuFramer
from pymodbus.framer.socket_framer import ModbusSocketFramer
from pymodbus.payload import BinaryPayloadBuilder, BinaryPayloadDecoder
from pymodbus.server.async_io import ModbusTcpServer

FRAMERS = {"tcp": ModbusSocketFramer, "rtu-over-tcp": ModbusRtuFramer}
KINDS = {
    "int16": "16bit_int", "uint16": "16bit_uint", "int32": "32bit_int", "uint32": "32bit_uint",
    "int64": "64bit_int", "uint64": "64bit_uint", "float32": "32bit_float", "float64": "64bit_float",
}
TABLES = {"coil": "co", "discrete": "di", "input": "ir", "holding": "hr"}
TEXT_BYTES = 16


def endians(order):
    return {
        "byteorder": Endian.Little if order in ("BADC", "DCBA") else Endian.Big,
        "wordorder": Endian.Little if order in ("CDAB", "DCBA") else Endian.Big,
    }


def words_of(kind, order, value):
    builder = BinaryPayloadBuilder(**endians(order))
    if kind == "string":
        builder.add_string(value.ljust(TEXT_BYTES, "\0"))
    else:
        getattr(builder, "add_" + KINDS[kind])(float(value) if kind.startswith("float") else int(value))
    return builder.to_registers()


async def serve(framing, values):
    units = {}
    for unit, table, offset, kind, order, value in values:
        cells = units.setdefault(unit, {key: {} for key in TABLES.values()})[TABLES[table]]
        words = [int(value)] if kind == "bit" else words_of(kind, order, value)
        cells.update(enumerate(words, offset))
    context = ModbusServerContext(
        {
            unit: ModbusSlaveContext(
                zero_mode=True, **{key: ModbusSparseDataBlock(cells) for key, cells in tables.items()}
            )
            for unit, tables in units.items()
        },
        single=False,
    )
    server = ModbusTcpServer(
        context, framer=FRAMERS[framing], address=("127.0.0.1", 0), ignore_missing_slaves=framing != "tcp"
    )
    running = asyncio.ensure_future(server.serve_forever())
    await server.serving
    print(server.server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await server.server_close()
    running.cancel()


def read(framing, place, requests):
    if framing == "rtu-serial":
        client = ModbusSerialClient(place, framer=ModbusRtuFramer, baudrate=115200, parity="N", timeout=5)
    else:
        client = ModbusTcpClient("127.0.0.1", port=int(place), framer=FRAMERS[framing], timeout=5)
    if not client.connect():
        sys.exit("pymodbus has no connection to " + place)
    ask = {
        "coil": client.read_coils, "discrete": client.read_discrete_inputs,
        "input": client.read_input_registers, "holding": client.read_holding_registers,
    }
    answers = []
    for unit, table, offset, kind, detail in requests:
        bits = kind == "bit"
        count = detail if bits else TEXT_BYTES // 2 if kind == "string" else int(kind.lstrip("uintfloa")) // 16
        answer = ask[table](offset, count, slave=unit)
        if answer.isError():
            answers.append({"exception": getattr(answer, "exception_code", str(answer))})
        elif bits:
            answers.append([int(bit) for bit in answer.bits[:count]])
        elif kind == "string":
            text = BinaryPayloadDecoder.fromRegisters(answer.registers, **endians(detail)).decode_string(TEXT_BYTES)
            answers.append(text.decode().rstrip("\0"))
        else:
            decoder = BinaryPayloadDecoder.fromRegisters(answer.registers, **endians(detail))
            value = getattr(decoder, "decode_" + KINDS[kind])()
            answers.append(value if kind.startswith("float") else str(value))
    client.close()
    print(json.dumps(answers))


if sys.argv[1] == "serve":
    asyncio.run(serve(sys.argv[2], json.loads(sys.argv[3])))
else:
    read(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
