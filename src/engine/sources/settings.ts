import { z } from 'zod';
import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { AppError } from '#shared/errors.ts';
import type { SourceDocument } from '#shared/model/index.ts';

/** Checked with the backend's own schema. Throws `config.invalid`; paths begin with `settings`. */
export function parsedSettings(backend: TsdbBackend, settings: unknown): unknown {
  const parsed = backend.config.safeParse(settings);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({
    path: ['settings', ...path.map(String)].join('.'),
    message,
  }));
  const [first] = issues;
  throw new AppError('config.invalid', `${first!.path}: ${first!.message}`, { details: { issues } });
}

/** Null where the settings do not say, or where there is no other end. */
export function endpointOf(backends: readonly TsdbBackend[], { backend: id, settings }: SourceDocument): string | null {
  const backend = backends.find((one) => one.id === id);
  const parsed = backend?.config.safeParse(settings);
  return parsed?.success === true ? (backend?.endpoint?.(parsed.data) ?? null) : null;
}

/** Fields that the backend's form marks as secret, whatever object they lie in. */
export function secretFieldsOf(backend: TsdbBackend): readonly string[] {
  const found: string[] = [];
  const visit = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'properties' && typeof value === 'object' && value !== null) {
        for (const [name, form] of Object.entries(value)) {
          if ((form as { secret?: unknown }).secret === true) found.push(name);
        }
      }
      visit(value);
    }
  };
  visit(z.toJSONSchema(backend.config, { io: 'input', unrepresentable: 'any' }));
  return found;
}

/**
 * Refuses documents whose settings hold what belongs into the store of secrets: a project is mailed, and a password in
 * it with it. Throws `config.invalid`.
 */
export function refuseSecrets(backends: readonly TsdbBackend[], document: unknown, path: string): void {
  if (typeof document !== 'object' || document === null) return;
  const { backend: id, settings } = document as { backend?: unknown; settings?: unknown };
  const backend = backends.find((one) => one.id === id);
  if (backend === undefined) return;
  const fields = new Set(secretFieldsOf(backend));
  const visit = (value: unknown, at: string): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, part] of Object.entries(value)) {
      if (fields.has(key) && part !== undefined && part !== null && part !== '') {
        const message = `A project holds no passwords. Keep "${key}" in the store of secrets of this computer.`;
        throw new AppError('config.invalid', message, { details: { issues: [{ path: `${at}.${key}`, message }] } });
      }
      visit(part, `${at}.${key}`);
    }
  };
  visit(settings, `${path}.settings`);
}
