import type { JsonSchema } from '@valibot/to-json-schema';
import type { GenericSchema } from 'valibot';
import * as v from 'valibot';
import { VERSION } from '../../common/version.js';
import { errorSchema } from '../../decision/wire/errorSchema.js';
import { jsonObject } from '../../decision/wire/readWire.js';
import type { Route } from './Route.js';

/** The part of OpenAPI 3.1 that describes the routes. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

/** One route. */
export interface OpenApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Readonly<Record<string, object>> }>>;
  readonly security: readonly object[];
  /** The scope that a key needs. */
  readonly 'x-aegis-scope': string;
  /** Every code of an error that the route may answer with. */
  readonly 'x-aegis-errors': readonly string[];
}

/** Codes that every route may answer with, because they come from what stands before it, or from what all of them use. */
const OF_ALL = ['invalid_request', 'resource_not_found', 'method_not_allowed', 'uri_too_long', 'request_timeout', 'policy_eval_failed'];
const OF_CALLERS = [
  'invalid_api_key',
  'scope_missing',
  'misdirected_request',
  'rate_limited',
  'overloaded',
  'draining',
  'not_ready',
  'store_unavailable',
  'audit_unavailable',
];
/** What makes a value a JSON object. */
const IS_OBJECT = (jsonObject as unknown as { readonly pipe: readonly unknown[] }).pipe[1];
const OF_BODIES = ['content_too_large', 'unsupported_media_type', 'body_already_read'];

/** Describes routes as an OpenAPI 3.1 document. The converter of schemas is loaded when this is first called. */
export async function openApi(routes: readonly Route[]): Promise<OpenApiDocument> {
  const { toJsonSchema } = await import('@valibot/to-json-schema');
  const schemaOf = (schema: GenericSchema): object => {
    const json: JsonSchema = toJsonSchema(schema, {
      target: 'draft-2020-12',
      // what a check asks beyond the shape is said by the error
      errorMode: 'ignore',
      // the converter sees the parts of a pipe, never the pipe
      overrideAction: ({ valibotAction, jsonSchema }) =>
        (valibotAction as unknown) === IS_OBJECT ? { ...jsonSchema, type: 'object' } : undefined,
    });
    return Object.fromEntries(Object.entries(json).filter(([name]) => name !== '$schema'));
  };
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const route of routes.filter(isOfTheApi))
    (paths[openApiPath(route.path)] ??= {})[route.method.toLowerCase()] = operationOf(route, schemaOf);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Aegis Data Plane',
      version: VERSION,
      description: 'Decides the tool calls of AI agents, and keeps the approvals that people are asked for. Paths are below the base path.',
    },
    paths,
    components: {
      schemas: { Error: schemaOf(errorSchema) },
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'X-API-KEY' },
        bearer: { type: 'http', scheme: 'bearer' },
        host: { type: 'apiKey', in: 'header', name: 'X-AEGIS-HOST', description: 'Signed by the command aegis on the same machine.' },
      },
    },
  };
}

/** Whether a route is for programs. Pages and their files are for browsers. */
export function isOfTheApi({ page, path }: Route): boolean {
  return page !== true && !path.startsWith('/assets/');
}

/** `GET /openapi.json`. */
export function openApiRoute(routes: () => readonly Route[]): Route {
  let text: Promise<string> | undefined;
  return {
    method: 'GET',
    path: '/openapi.json',
    name: 'openapi',
    summary: 'Describes the routes as an OpenAPI 3.1 document.',
    scope: 'none',
    answers: { 200: v.looseObject({ openapi: v.literal('3.1.0') }) },
    async handle() {
      text ??= openApi(routes()).then((document) => JSON.stringify(document));
      return { status: 200, body: await text };
    },
  };
}

/** A path as OpenAPI spells it. */
export function openApiPath(path: string): string {
  return path.replaceAll(/:(\w+)/g, '{$1}');
}

function operationOf(route: Route, schemaOf: (schema: GenericSchema) => object): OpenApiOperation {
  const { scope, request, query, errors = [] } = route;
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));
  const inQuery = Object.entries(query ?? {}).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  const parameters = [...inPath, ...inQuery];
  const codes = [...OF_ALL, ...(scope === 'none' ? [] : OF_CALLERS), ...(request === undefined ? [] : OF_BODIES), ...errors];
  return {
    operationId: route.name,
    summary: route.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(request && { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(request) } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, responseOf(answer, schemaOf)])),
      default: {
        description: 'An error.',
        content: Object.fromEntries(
          ['application/json', 'application/problem+json'].map((type) => [type, { schema: { $ref: '#/components/schemas/Error' } }]),
        ),
      },
    },
    security: scope === 'none' ? [] : scope === 'host' ? [{ host: [] }] : [{ key: [] }, { bearer: [] }, { host: [] }],
    'x-aegis-scope': scope,
    'x-aegis-errors': [...new Set(codes)],
  };
}

function responseOf(
  answer: GenericSchema | string | undefined,
  schemaOf: (schema: GenericSchema) => object,
): { readonly description: string; readonly content?: Readonly<Record<string, object>> } {
  if (answer === undefined) return { description: 'Done; there is no body.' };
  if (typeof answer === 'string') return { description: 'The answer.', content: { [answer]: {} } };
  return { description: 'The answer.', content: { 'application/json': { schema: schemaOf(answer) } } };
}
