/** Worker entries, built by the host as inputs of their own because a bundler cannot follow them from inside. */
export type WorkerName = 'historian-writer' | 'historian-reader' | 'exporter';
export type WorkerUrls = Readonly<Record<WorkerName, URL>>;
