// What 'aegislib/postgres' exports. Written by npm run api:update; review what changes here.

export interface PostgresStoreOptions {
    readonly connectionString: string;
    readonly schema?: string | undefined;
    readonly maxConnections?: number | undefined;
    readonly queue?: boolean | undefined;
}

export declare function postgresStore(connection: string | PostgresStoreOptions): StateStore;
