// What 'aegislib/sqlite' exports. Written by npm run api:update; review what changes here.

export type { Migration } from 'aegislib/store';

export type { ServerStore } from 'aegislib/store';

export interface SqliteStore extends ServerStore {
    migrate(): Migration;
    backup(path: string | URL, onProgress?: (copied: number, total: number) => void): Promise<void>;
}

export interface SqliteStoreOptions {
    readonly pollMs?: number | undefined;
}

export type { StateStore } from 'aegislib/store';

export type { TenantStore } from 'aegislib/store';

export type { TenantStoreOptions } from 'aegislib/store';

export declare function sqliteStore(path: string | URL, options?: SqliteStoreOptions): SqliteStore;
