// What 'aegislib/postgres' exports. Written by npm run api:update; review what changes here.

export type { Migration } from 'aegislib/store';

export interface PostgresStore extends ServerStore {
    migrate(): Promise<Migration>;
}

export interface PostgresStoreOptions {
    readonly connectionString: string;
    readonly schema?: string | undefined;
    readonly maxConnections?: number | undefined;
    readonly queue?: boolean | undefined;
}

export type { ServerStore } from 'aegislib/store';

export type { StateStore } from 'aegislib/store';

export type { TenantStore } from 'aegislib/store';

export type { TenantStoreOptions } from 'aegislib/store';

export declare function postgresStore(connection: string | PostgresStoreOptions): PostgresStore;
