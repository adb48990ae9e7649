export type Found =
  | { readonly found: true; readonly path: string }
  | {
      readonly found: false;
      /** Its absence fails `npm test` on this platform. */
      readonly required: boolean;
      readonly reason: string;
      readonly purpose: string;
      /** Debian package that brings it; null when there is none. */
      readonly apt: string | null;
    };
export declare const requirementNames: readonly string[];
export declare function lookFor(name: string, platform?: NodeJS.Platform): Found;
export declare function electronBinary(): string | undefined;
