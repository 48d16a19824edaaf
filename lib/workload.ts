/**
 * The seam at which a fork replaces the sample: all that the infrastructure knows of the application.
 * Paths are absolute; every entry is a TypeScript file that esbuild bundles into one file.
 */

/** A function's code: its entry and what lies beside the bundle in the zip. */
export interface FunctionCode {
  /** Module that exports `handler`. */
  readonly entry: string;
  /** Files and folders copied into the zip: path in the zip → path on disk. */
  readonly files?: Readonly<Record<string, string>>;
  /** Packages that stay out of the bundle because a copied `node_modules` holds them. */
  readonly external?: readonly string[];
}

export interface Workload {
  /** Lower-case word that names the application in descriptions. */
  readonly name: string;
  readonly web: {
    /** Module that starts the HTTP service when run. */
    readonly entry: string;
    /** Has no RUN step, so that building for arm64 needs no emulation. */
    readonly dockerfile: string;
    readonly port: number;
    readonly livenessPath: string;
    readonly readinessPath: string;
    /** Prefix of the drain check; the region's name follows. */
    readonly drainPath: string;
  };
  /** Browser code: esbuild entries, each of which may import style sheets. */
  readonly client: { readonly entries: readonly string[] };
  /** Consumer of the job queue, by the configuration's engine. */
  readonly worker: Readonly<Record<'rekognition' | 'embedded', FunctionCode>>;
  /** Brings the schema up to date. */
  readonly migrate: FunctionCode;
  /** Carries other regions' messages into the cache. */
  readonly invalidate: FunctionCode;
  /** Packages that all bundles but the browser's replace: name of the package → module with the same exports. */
  readonly replacements?: Readonly<Record<string, string>>;
  /** Puts the client's files into the assets bucket. */
  readonly publish: FunctionCode;
}
