import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { type Logger, withStoreErrors } from '#engine/platform/index.ts';
import { AppError } from '#shared/errors.ts';

/**
 * Encrypts with a key that lies in a file of its own, readable by its owner only. Protects against a copied or backed-up
 * database, not against somebody who can read the data folder; that is what the operating system's store is for.
 */
export interface KeyFile {
  /** `name` is bound in: a value moved to another name does not decrypt. */
  seal(name: string, text: string): Buffer;
  /** Throws `store.damaged` when the key is gone, another one, or the bytes were changed. */
  unseal(name: string, sealed: Buffer): string;
}

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** First byte of every sealed value: AES-256-GCM, nonce, tag, then the text. */
const FORMAT = 1;

export function openKeyFile(path: string, log: Logger): KeyFile {
  let key: Buffer | null = null;
  const load = (): Buffer => {
    if (key !== null) return key;
    const bytes = withStoreErrors(path, () => readFileSync(path));
    if (bytes.length !== KEY_BYTES) throw damaged(path, 'its length is wrong');
    // Windows has no such bits; there the folder's access list decides.
    if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
      chmodSync(path, 0o600);
      log.warn('The key file could be read by other users; that has been taken back.', { path });
    }
    key = bytes;
    return bytes;
  };
  const make = (): Buffer => {
    const bytes = randomBytes(KEY_BYTES);
    withStoreErrors(path, () => {
      // Exclusive, so that two programs can't both make one; on the disk before anything is sealed with it.
      const file = openSync(path, 'wx', 0o600);
      try {
        writeSync(file, bytes);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    });
    log.info('A key file for secrets was made.', { path });
    key = bytes;
    return bytes;
  };

  return {
    seal(name, text) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', existsSync(path) ? load() : make(), nonce);
      cipher.setAAD(Buffer.from(name, 'utf8'));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), body]);
    },
    unseal(name, sealed) {
      if (!existsSync(path)) throw damaged(path, 'it is missing');
      const body = 1 + NONCE_BYTES + TAG_BYTES;
      if (sealed.length < body || sealed[0] !== FORMAT) throw damaged(path, 'the stored value has another form');
      const decipher = createDecipheriv('aes-256-gcm', load(), sealed.subarray(1, 1 + NONCE_BYTES));
      decipher.setAAD(Buffer.from(name, 'utf8'));
      decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, body));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(body)), decipher.final()]).toString('utf8');
      } catch {
        // The cipher's own error says nothing more and must not carry bytes of the secret into a log.
        throw damaged(path, 'it does not belong to the stored secrets');
      }
    },
  };
}

function damaged(path: string, reason: string): AppError<'store.damaged'> {
  return new AppError('store.damaged', `Stored secrets can't be read with ${path}: ${reason}. Enter them again.`, {
    details: { path, reason },
  });
}
