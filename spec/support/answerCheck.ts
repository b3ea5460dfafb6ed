import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { openApi, openApiPath } from '../../lib/server/route/openApi.js';
import type { OpenApiDocument } from '../../lib/server/route/openApi.js';
import { RouteTable } from '../../lib/server/dispatch/RouteTable.js';
import type { Route } from '../../lib/server/route/Route.js';

/** Compares answers with the OpenAPI document of their routes, by a validator that knows nothing of the server. */
export class AnswerCheck {
  readonly #document: OpenApiDocument;
  readonly #table: RouteTable;
  readonly #ajv: Ajv2020;
  readonly #faults: string[] = [];
  readonly #validators = new Map<string, ValidateFunction>();

  private constructor(routes: readonly Route[], document: OpenApiDocument) {
    this.#document = document;
    this.#table = new RouteTable(routes);
    this.#ajv = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': true } });
    this.#ajv.addSchema(this.#document, 'api');
  }

  static async of(routes: readonly Route[]): Promise<AnswerCheck> {
    return new AnswerCheck(routes, await openApi(routes));
  }

  /** Looks at one answer. */
  see(method: string, path: string, status: number, headers: Headers, text: string): void {
    const fault = this.#faultOf(method, path, status, headers, text);
    if (fault !== undefined) this.#faults.push(`${method} ${path} ${status}: ${fault}`);
  }

  /** @throws Error naming every fault since the last time */
  done(): void {
    const faults = this.#faults.splice(0);
    if (faults.length > 0) throw new Error(`Answers are not as the OpenAPI document says:\n  ${faults.join('\n  ')}`);
  }

  #faultOf(method: string, path: string, status: number, headers: Headers, text: string): string | undefined {
    const found = this.#routeOf(method, path);
    // files of pages are no part of the document, and pages are not either
    if (path.startsWith('/assets/')) return undefined;
    const isErrorPage = found === undefined && status >= 400 && headers.get('content-type')?.startsWith('text/html') === true;
    if (found?.page === true || isErrorPage) return pageFault(headers);
    for (const [name, is] of [
      ['cache-control', /^no-store$/],
      ['x-content-type-options', /^nosniff$/],
      ['x-request-id', /^[\w-]{1,64}$/],
    ] as const)
      if (!is.test(headers.get(name) ?? '')) return `the header ${name} is ${headers.get(name)}`;
    for (const [name] of headers) if (name.startsWith('access-control-')) return `the header ${name} lets other origins read`;
    const type = headers.get('content-type');
    const route = found;
    if (route === undefined || status >= 400) return this.#errorFault(route, status, type, text);
    if (method === 'HEAD') return text === '' ? undefined : 'HEAD has a body';
    const operation = this.#document.paths[openApiPath(route.path)]?.[route.method.toLowerCase()];
    const content = operation?.responses[String(status)]?.content;
    if (operation?.responses[String(status)] === undefined) return 'the document has no such status';
    if (content === undefined) return text === '' ? undefined : 'the document says that there is no body';
    if (type === null || !Object.hasOwn(content, type)) return `the content type is ${type}, and not ${Object.keys(content).join(', ')}`;
    if (type !== 'application/json') return undefined;
    return this.#schemaFault(
      `api#/paths/${pointer(openApiPath(route.path))}/${route.method.toLowerCase()}/responses/${status}/content/application~1json/schema`,
      text,
    );
  }

  #errorFault(route: Route | undefined, status: number, type: string | null, text: string): string | undefined {
    if (type !== 'application/json' && type !== 'application/problem+json') return text === '' && type === null ? 'no body' : undefined;
    const fault = text === '' ? undefined : this.#schemaFault('api#/components/schemas/Error', text);
    if (fault !== undefined || route === undefined || text === '') return fault;
    const { error } = JSON.parse(text) as { error: string };
    const operation = this.#document.paths[openApiPath(route.path)]?.[route.method.toLowerCase()];
    const codes = operation?.['x-aegis-errors'] ?? [];
    return codes.includes(error) ? undefined : `the document does not list the code ${error} (HTTP ${status})`;
  }

  #schemaFault(ref: string, text: string): string | undefined {
    const validate = this.#validators.get(ref) ?? this.#ajv.compile({ $ref: ref });
    this.#validators.set(ref, validate);
    return validate(JSON.parse(text)) ? undefined : this.#ajv.errorsText(validate.errors);
  }

  #routeOf(method: string, path: string): Route | undefined {
    try {
      return this.#table.find(method, path).route;
    } catch {
      return undefined;
    }
  }
}

function pointer(path: string): string {
  return encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** What every page must say, whatever is on it. */
function pageFault(headers: Headers): string | undefined {
  const policy = headers.get('content-security-policy') ?? '';
  const wanted = ["default-src 'none'", "script-src 'nonce-", "trusted-types 'none'", "frame-ancestors 'none'", "base-uri 'none'"];
  const missing = wanted.filter((part) => !policy.includes(part));
  if (missing.length > 0) return `its security policy lacks ${missing.join(', ')}`;
  const others = {
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  const wrong = Object.entries(others).filter(([name, value]) => headers.get(name) !== value);
  return wrong.length > 0 ? `the headers ${wrong.map(([name]) => name).join(', ')} are wrong` : undefined;
}
