export type { Audit, AuditLine } from './audit.ts';
export { lockDataDirectory } from './data-lock.ts';
export { type Installation, type InstallationOptions, openInstallation } from './installation.ts';
export type { Preferences } from './preferences.ts';
export type { SecretProtector, SecretStore } from './secrets.ts';
