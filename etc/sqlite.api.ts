// What 'aegislib/sqlite' exports. Written by npm run api:update; review what changes here.

export interface SqliteStoreOptions {
    readonly pollMs?: number | undefined;
}

export type { StateStore } from 'aegislib/store';

export declare function sqliteStore(path: string | URL, options?: SqliteStoreOptions): StateStore;
