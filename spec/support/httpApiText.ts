import { readFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { Doorway } from '../../lib/server/signin/Doorway.js';
import { EventHubs } from '../../lib/server/push/EventHubs.js';
import { openApi } from '../../lib/server/route/openApi.js';
import type { OpenApiDocument, OpenApiOperation } from '../../lib/server/route/openApi.js';
import { allRoutes } from '../../lib/server/allRoutes.js';
import { HTTP_EXAMPLES } from './httpApiExamples.js';
import type { HttpExample } from './httpApiExamples.js';
import { HTTP_MEANINGS } from './httpApiMeanings.js';

export const HTTP_API_PAGE = 'docs/http-api.md';

/** The part of JSON Schema that the routes use. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

interface Operation extends OpenApiOperation {
  readonly method: string;
  readonly path: string;
}

/** A field of a body. */
interface Field {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
}

/** All routes of a document, in their order. */
export function operationsOf({ paths }: OpenApiDocument): readonly Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
}

/** The document of the routes of a Data Plane. */
export function httpApiDocument(): Promise<OpenApiDocument> {
  return openApi(
    allRoutes({
      capabilities: [],
      hubs: new EventHubs(),
      notReady: () => undefined,
      metrics: () => undefined,
      gauges: { pending: () => new Map(), streams: () => 0, halts: () => new Map() },
      ringOf() {
        throw new Error('no request is made');
      },
      doorway: new Doorway([]),
      issuerOf: () => undefined,
    }),
  );
}

/** The page as it is, with the routes as the document has them. */
export async function httpApiPage(document: OpenApiDocument): Promise<string> {
  const text = readFileSync(HTTP_API_PAGE, 'utf8');
  const [open, close] = ['<!-- routes -->', '<!-- /routes -->'];
  const written = `${text.slice(0, text.indexOf(open) + open.length)}\n\n${routeLines(document).join('\n')}\n\n${text.slice(text.indexOf(close))}`;
  return format(written, { ...(await resolveConfig(HTTP_API_PAGE)), filepath: HTTP_API_PAGE });
}

/** A request of an example as a shell would make it. */
export function curlOf({ method, path, operationId }: Operation, example: HttpExample): readonly string[] {
  const { key, headers = {}, flags, body } = example;
  const isPlain = method === 'GET' || (method === 'POST' && body !== undefined);
  const url = path.replace('{id}', operationId.endsWith('Key') ? '$KEY_ID' : '$ID');
  const parts = [
    `curl ${flags === undefined ? '' : `${flags} `}${isPlain ? '' : `-X ${method} `}"$AEGIS${url}"`,
    ...(key === undefined ? [] : [`-H "X-API-KEY: $${key}"`]),
    ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`),
    ...(body === undefined ? [] : [`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(body).replace('$ID', `'"$ID"'`)}'`]),
  ];
  return parts.map((part, i) => `${i === 0 ? '' : '  '}${part}${i === parts.length - 1 ? '' : ' \\'}`);
}

/** The codes that all of some routes have. */
function commonOf(operations: readonly Operation[]): ReadonlySet<string> {
  const [first, ...others] = operations.map((one) => one['x-aegis-errors']);
  return new Set((first ?? []).filter((code) => others.every((codes) => codes.includes(code))));
}

function routeLines(document: OpenApiDocument): readonly string[] {
  const operations = operationsOf(document);
  const isOpen = (one: Operation): boolean => one['x-aegis-scope'] === 'none';
  const ofAll = commonOf(operations);
  const ofCallers = commonOf(operations.filter((one) => !isOpen(one)));
  const ofBodies = commonOf(operations.filter((one) => one.requestBody !== undefined));
  /** Where a shape was described, by its text. */
  const described = new Map<string, string>();
  return operations.flatMap((one) => {
    const title = `${one.method} ${one.path}`;
    const own = one['x-aegis-errors'].filter(
      (code) => !ofAll.has(code) && (isOpen(one) || !ofCallers.has(code)) && (one.requestBody === undefined || !ofBodies.has(code)),
    );
    const example = HTTP_EXAMPLES[one.operationId];
    if (example === undefined) throw new Error(`${title} has no example: add one to HTTP_EXAMPLES.`);
    const facts = [
      `Scope: ${isOpen(one) ? 'none, no key' : one['x-aegis-scope'] === 'host' ? 'the operator of the host' : code(one['x-aegis-scope'])}.`,
      ...(own.length === 0 ? [] : [`Errors of its own: ${own.map(code).join(', ')}.`]),
    ];
    return [
      `### ${title}`,
      '',
      one.summary,
      '',
      facts.join(' '),
      '',
      ...queryLines(one),
      ...bodyLines(one, title, described),
      ...answerLines(one, title, described),
      '```sh',
      ...curlOf(one, example),
      '```',
      '',
    ];
  });
}

function queryLines({ parameters = [] }: Operation): readonly string[] {
  const inQuery = (parameters as readonly { in: string; name: string; description?: string }[]).filter((one) => one.in === 'query');
  return inQuery.length === 0
    ? []
    : ['| Query | Meaning |', '| --- | --- |', ...inQuery.map(({ name, description = '' }) => `| ${code(name)} | ${description} |`), ''];
}

function bodyLines(one: Operation, title: string, described: Map<string, string>): readonly string[] {
  const schema = schemaIn((one.requestBody as { content?: object } | undefined)?.content);
  return schema === undefined ? [] : shapeLines('Body', one, title, schema, described);
}

function answerLines(one: Operation, title: string, described: Map<string, string>): readonly string[] {
  return Object.entries(one.responses).flatMap(([status, { content }]) => {
    if (status === 'default') return [];
    if (content === undefined) return [`Answer: ${status}, without a body.`, ''];
    const schema = schemaIn(content);
    return schema === undefined
      ? [`Answer: ${status}, ${code(Object.keys(content).join())}.`, '']
      : shapeLines(`Answer ${status}`, one, title, schema, described);
  });
}

function schemaIn(content: object | undefined): Schema | undefined {
  return (content as Record<string, { schema?: Schema }> | undefined)?.['application/json']?.schema;
}

function shapeLines(what: string, one: Operation, title: string, schema: Schema, described: Map<string, string>): readonly string[] {
  const text = JSON.stringify(schema);
  const before = described.get(text);
  if (before !== undefined) return [`${what}: as of ${code(before)}.`, ''];
  described.set(text, title);
  const rows = fieldsOf(schema, '', described).map(
    ({ name, type, isRequired }) => `| ${code(name)} | ${type}${isRequired ? '' : ', optional'} | ${meaningOf(one.operationId, name)} |`,
  );
  return [`| ${what} | Type | Meaning |`, '| --- | --- | --- |', ...rows, ''];
}

function fieldsOf(schema: Schema, at: string, described: ReadonlyMap<string, string>): readonly Field[] {
  const parts = [schema, ...(schema.allOf ?? [])];
  return parts.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(properties).flatMap(([key, property]): readonly Field[] => {
      const name = at + key;
      const isRequired = required.includes(key);
      const inner = (property.anyOf ?? [property]).find((some) => some.type !== 'null') ?? {};
      const seen = inner.items && described.get(JSON.stringify(inner.items));
      if (seen !== undefined) return [{ name, type: `list, each as the answer of ${code(seen)}`, isRequired }];
      const within = inner.type === 'array' ? fieldsOf(inner.items ?? {}, `${name}[].`, described) : fieldsOf(inner, `${name}.`, described);
      return [{ name, type: typeOf(property), isRequired }, ...within];
    }),
  );
}

function typeOf(schema: Schema): string {
  const { type, anyOf, items, enum: values } = schema;
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ');
  if ('const' in schema) return code(JSON.stringify(schema.const));
  if (values !== undefined) return values.map((value) => code(String(value))).join(', ');
  if (type === 'array') return items?.type === undefined ? 'list' : `list of ${items.type}s`;
  if (type === 'integer') return 'whole number';
  return type ?? 'any';
}

function meaningOf(route: string, field: string): string {
  const meaning = HTTP_MEANINGS[`${route} ${field}`] ?? HTTP_MEANINGS[field.replace(/^.*\./, '')];
  if (meaning === undefined) throw new Error(`The field ${field} of ${route} has no meaning: add one to HTTP_MEANINGS.`);
  return meaning;
}

function code(text: string): string {
  return `\`${text}\``;
}
