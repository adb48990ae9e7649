import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { isYamlDocument, type PlacedIssue, readYaml, type YamlDocument } from '#engine/project/index.ts';
import type { TsdbBackend } from '#engine/tsdb/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import { documentId, sourceDocument } from '#shared/model/index.ts';
import { parsedSettings, refuseSecrets } from './settings.ts';
import type { ConfiguredSource } from './source-desk.ts';

/** Where a secret is read from when it is needed; it is never in the file itself. */
const secretPlace = z.union([
  z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'Write the name of an environment variable.') }),
  z.strictObject({ file: z.string().min(1).max(4_096) }),
]);
type SecretPlace = z.infer<typeof secretPlace>;

const declared = sourceDocument.omit({ id: true }).extend({
  enabled: z.boolean().default(true),
  settings: z.record(z.string(), z.unknown()).default({}),
  secrets: z.record(z.string(), secretPlace).default({}),
});
const envelope = z.strictObject({ version: z.literal(1), sources: z.record(z.string(), z.unknown()).default({}) });

export interface ConfiguredSources {
  readonly sources: readonly ConfiguredSource[];
  /** A fault leaves out the source that has it and no other. */
  readonly issues: readonly PlacedIssue[];
}

/** Sources of a file, which is none where it is not there. Never throws for what is in it. */
export async function openConfiguredSources(
  path: string,
  backends: readonly TsdbBackend[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ConfiguredSources> {
  if (!existsSync(path)) return { sources: [], issues: [] };
  const file = basename(path);
  try {
    return readConfiguredSources(file, await readFile(path, 'utf8'), backends, env);
  } catch (error) {
    const message = `The file cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { sources: [], issues: [{ file, line: 1, column: 1, path: '', message }] };
  }
}

export function readConfiguredSources(
  file: string,
  text: string,
  backends: readonly TsdbBackend[],
  env: Readonly<Record<string, string | undefined>>,
): ConfiguredSources {
  const issues: PlacedIssue[] = [];
  const report = (issue: PlacedIssue): void => {
    issues.push(issue);
  };
  const document = readYaml(file, text);
  if (!isYamlDocument(document)) return { sources: [], issues: document };
  const content = document.check(envelope, [], report);
  if (content === null) return { sources: [], issues };
  const sources = Object.keys(content.sources).flatMap((id): ConfiguredSource[] => {
    const one = readOne(document, id, backends, report);
    if (one === null) return [];
    const { line } = document.issue(['sources', id], '');
    const secret = (field: string) => secretAt(one.secrets[field], field, env);
    return [{ document: one.document, secret, place: { file, line } }];
  });
  return { sources, issues };
}

function readOne(
  document: YamlDocument,
  id: string,
  backends: readonly TsdbBackend[],
  report: (issue: PlacedIssue) => void,
): { readonly document: ConfiguredSource['document']; readonly secrets: Readonly<Record<string, SecretPlace>> } | null {
  const path = ['sources', id];
  const name = documentId.safeParse(id);
  if (!name.success || id === 'history') {
    report(
      document.issue(path, name.success ? 'This id stands for the running history.' : name.error.issues[0]!.message),
    );
    return null;
  }
  const found = document.check(declared, path, report);
  if (found === null) return null;
  const { secrets, ...rest } = found;
  const backend = backends.find((one) => one.id === rest.backend);
  if (backend === undefined) {
    const known = backends.map((one) => one.id).join(', ');
    report(document.issue([...path, 'backend'], `There is no backend "${rest.backend}" here. Choose from ${known}.`));
    return null;
  }
  try {
    refuseSecrets(backends, rest, '');
    parsedSettings(backend, rest.settings);
  } catch (error) {
    if (!isAppError(error, 'config.invalid')) throw error;
    for (const issue of error.details.issues) {
      const below = issue.path.split('.').filter((part) => part !== '');
      const advice = issue.message.includes('store of secrets')
        ? `A file of settings holds no passwords. Write secrets: { ${below.at(-1)}: { env: NAME } }, or file: instead.`
        : issue.message;
      report(document.issue([...path, ...below], advice));
    }
    return null;
  }
  return { document: { ...rest, id }, secrets };
}

async function secretAt(
  place: SecretPlace | undefined,
  field: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (place === undefined) return undefined;
  const missing = (what: string): AppError => {
    const message = `The secret "${field}" is not there: ${what}`;
    return new AppError('config.invalid', message, { details: { issues: [{ path: `secrets.${field}`, message }] } });
  };
  if ('env' in place) {
    const value = env[place.env];
    if (value === undefined) throw missing(`set the environment variable ${place.env} before ParX starts.`);
    return value;
  }
  try {
    // Tools that place secrets end the file with a line.
    return (await readFile(place.file, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw missing(`${place.file} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}
