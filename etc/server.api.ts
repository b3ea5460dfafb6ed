// What 'aegislib/server' exports. Written by npm run api:update; review what changes here.

export interface AnsweredRequest {
    readonly requestId: string;
    readonly tenantId: string;
    readonly callerId: string;
    readonly route: string;
    readonly request: string;
    readonly status: number;
    readonly answer: string | undefined;
}

export type { AutoHaltOptions } from 'aegislib/guard';

export type BeforeAnswer = (batch: readonly AnsweredRequest[]) => Awaitable<void>;

export interface CloseOptions {
    readonly idleMs?: number | undefined;
    readonly graceMs?: number | undefined;
}

export interface DataPlane {
    readonly fetch: FetchHandler;
    readonly node: NodeHandler;
    ready(): Promise<void>;
    listen(options?: ListenOptions): Promise<ListeningAt>;
    createKey(request: KeyRequest, tenantId?: string): Promise<IssuedKey>;
    createSetupLink(tenantId?: string): Promise<SetupLink | undefined>;
    close(options?: CloseOptions): Promise<boolean>;
}

export type DataPlaneOptions = SingleTenantOptions | TenantsOptions | ModuleOptions;

export interface DataPlaneSettings {
    readonly store?: ServerStore | undefined;
    readonly stateKey?: string | SecretString | undefined;
    readonly previousStateKey?: string | SecretString | undefined;
    readonly basePath?: string | undefined;
    readonly publicUrl?: string | URL | undefined;
    readonly clientAddress?: ((request: Request) => string | undefined) | undefined;
    readonly beforeAnswer?: BeforeAnswer | undefined;
    readonly historyMs?: number | undefined;
    readonly logger?: Logger | undefined;
    readonly journal?: Journal | undefined;
    readonly audit?: AuditLog | false | undefined;
}

export type FetchHandler = (request: Request) => Promise<Response>;

export interface IssuedKey {
    readonly info: KeyInfo;
    readonly key: SecretString;
}

export interface IssuerOptions {
    readonly issuer: string;
    readonly clientId: string;
    readonly clientSecret?: string | SecretString | undefined;
    readonly name?: string | undefined;
    readonly groupsClaim?: string | undefined;
    readonly trustsMail?: boolean | undefined;
    readonly roles?: readonly Role[] | undefined;
}

export interface KeyInfo {
    readonly id: string;
    readonly name: string;
    readonly scopes: readonly Scope[];
    readonly agents: readonly string[] | undefined;
    readonly sessionTrusted: boolean;
    readonly status: 'active' | 'expired' | 'revoked';
    readonly createdAtMs: number;
    readonly createdBy: string;
    readonly expiresAtMs: number | undefined;
    readonly previousUntilMs: number | undefined;
    readonly revokedAtMs: number | undefined;
}

export interface KeyRequest {
    readonly name: string;
    readonly scopes: readonly Scope[];
    readonly agents?: readonly string[] | undefined;
    readonly sessionTrusted?: boolean | undefined;
    readonly expiresAtMs?: number | undefined;
}

export interface ListenOptions {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly tls?: {
        readonly cert: string;
        readonly key: string;
    } | undefined;
}

export interface ListeningAt {
    readonly url: string;
    readonly host: string;
    readonly port: number;
}

export interface MailOptions {
    readonly smtp: string | SecretString;
    readonly from: string;
    readonly to: Readonly<Record<string, readonly string[]>>;
    readonly admins?: readonly string[] | undefined;
}

export interface ModuleOptions extends DataPlaneSettings {
    readonly module: AegisModule;
    readonly tools?: Readonly<Record<string, ToolSettings>> | undefined;
    readonly oidc?: IssuerOptions | undefined;
    readonly notify?: NotifyOptions | undefined;
    readonly autoHalt?: AutoHaltOptions | undefined;
    readonly tenants?: undefined;
    readonly policies?: undefined;
}

export type NodeHandler = (incoming: IncomingMessage, outgoing: ServerResponse, next?: () => void) => void;

export interface NotifyOptions {
    readonly webhooks?: readonly WebhookOptions[] | undefined;
    readonly slack?: SlackOptions | undefined;
    readonly mail?: MailOptions | undefined;
}

export type Role = 'viewer' | 'approver' | 'auditor' | 'admin';

export type Scope = 'decide' | 'approvals:read' | 'policies:read' | 'keys:admin' | 'metrics:read';

export interface SetupLink {
    readonly url: URL;
    readonly expiresAt: Date;
}

export interface SingleTenantOptions extends DataPlaneSettings, TenantOptions {
    readonly module?: undefined;
    readonly tenants?: undefined;
}

export interface SlackOptions {
    readonly token: string | SecretString;
    readonly channels: Readonly<Record<string, string>>;
    readonly admins?: string | undefined;
    readonly apiUrl?: string | undefined;
    readonly allowPrivate?: boolean | undefined;
}

export interface TenantOptions extends EligibilityRules {
    readonly policies: PolicySource;
    readonly watch?: boolean | undefined;
    readonly onLoosened?: 'hold' | 'accept' | undefined;
    readonly onReload?: ((result: ReloadResult) => void) | undefined;
    readonly agents?: Readonly<Record<string, AgentConfig>> | undefined;
    readonly tools?: Readonly<Record<string, ToolSettings>> | undefined;
    readonly toolset?: string | undefined;
    readonly oidc?: IssuerOptions | undefined;
    readonly facts?: FactsHook | undefined;
    readonly factsTimeoutMs?: number | undefined;
    readonly maxPendingPerTool?: number | undefined;
    readonly denialTtlMs?: number | undefined;
    readonly exposePolicies?: boolean | undefined;
    readonly notify?: NotifyOptions | undefined;
    readonly autoHalt?: AutoHaltOptions | undefined;
}

export interface TenantsOptions extends DataPlaneSettings {
    readonly tenants: Readonly<Record<string, TenantOptions>>;
    readonly module?: undefined;
    readonly policies?: undefined;
}

export interface ToolSettings {
    readonly groups?: readonly string[] | undefined;
    readonly nullable?: readonly string[] | undefined;
}

export interface WebhookOptions {
    readonly url: string;
    readonly secret: string | SecretString;
    readonly groups?: readonly string[] | undefined;
    readonly admins?: boolean | undefined;
    readonly allowPrivate?: boolean | undefined;
}

export declare function createDataPlane(given: DataPlaneOptions): DataPlane;
