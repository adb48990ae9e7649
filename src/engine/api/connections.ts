import type { z } from 'zod';
import { systemNetwork } from '#engine/platform/index.ts';
import type { DriverContext } from '#engine/protocols/index.ts';
import { AppError, isAppError } from '#shared/errors.ts';
import type { ConnectionDocument, DeviceDocument, TestStep } from '#shared/model/index.ts';
import { driverOf, type Services } from './services.ts';

interface Issue {
  readonly path: string;
  readonly message: string;
}

/** What the protocol's own schemas say of settings as typed so far. */
export function checkConnection(
  services: Services,
  connection: ConnectionDocument,
  devices: readonly DeviceDocument[],
): { issues: Issue[]; endpoint: string | null } {
  const driver = driverOf(services, connection.protocol);
  const config = driver.config.safeParse(connection.settings);
  const issues = issuesOf(config, 'settings');
  devices.forEach((device, index) => {
    issues.push(...issuesOf(driver.device.safeParse(device.settings), `devices.${index}.settings`));
  });
  return { issues, endpoint: config.success ? driver.endpoint(config.data) : null };
}

/** Walks the connection ladder on settings that need not be saved; uses the running link where they are the same. */
export async function* testConnection(
  services: Services,
  input: { readonly connection: ConnectionDocument; readonly device: DeviceDocument; readonly address: string | null },
  signal: AbortSignal,
): AsyncGenerator<TestStep> {
  const driver = driverOf(services, input.connection.protocol);
  const config = driver.config.safeParse(input.connection.settings);
  const device = driver.device.safeParse(input.device.settings);
  const issues = [...issuesOf(config, 'settings'), ...issuesOf(device, 'device.settings')];
  if (!config.success || !device.success) {
    throw new AppError('config.invalid', 'The settings are not complete. Correct the marked fields and test again.', {
      details: { issues },
    });
  }
  let readAddress: unknown = null;
  if (input.address !== null && input.address.trim() !== '') {
    try {
      readAddress = driver.parseAddress(input.address, device.data).address;
    } catch (error) {
      if (!isAppError(error)) throw error;
      throw new AppError('config.invalid', error.message, {
        details: { issues: [{ path: 'address', message: error.message }] },
      });
    }
  }
  const context: DriverContext = {
    log: services.log.module(`test ${input.connection.name}`),
    clock: services.clock,
    network: systemNetwork,
    trace: null,
  };
  yield* driver.test(
    { config: config.data, device: device.data, readAddress },
    context,
    signal,
    sharedLink(services, input.connection),
  );
}

/** The running link, when its saved settings equal the ones that are tested: otherwise it would test something else. */
function sharedLink(services: Services, connection: ConnectionDocument): ReturnType<Services['acquisition']['link']> {
  const saved = services.project.get('connection', connection.id)?.document;
  if (saved === undefined || saved.protocol !== connection.protocol) return null;
  return JSON.stringify(saved.settings) === JSON.stringify(connection.settings)
    ? services.acquisition.link(connection.id)
    : null;
}

function issuesOf(result: z.ZodSafeParseResult<unknown>, prefix: string): Issue[] {
  if (result.success) return [];
  return result.error.issues.map((issue) => ({
    path: [prefix, ...issue.path.map(String)].join('.'),
    message: issue.message,
  }));
}
