/** A host in a text: after `@` or `://`, or a name in letters of any script that ends like a domain. It starts where no letter stands before it. */
const CANDIDATE = /(@|:\/\/)?((?:(?![\u3002\uff0e\uff61])[\p{L}\p{N}\p{M}\p{Cf}-]|[.\u3002\uff0e\uff61])+)/gu;
const DOMAIN_END = /[.\u3002\uff0e\uff61]\p{Script=Latin}{2,}$/u;
const DOT = /[.\u3002\uff0e\uff61]/;
const ASCII = /^[\0-\x7f]*$/;

/**
 * The hosts in a text that are not in ASCII, as the network sees them (punycode). One that no network would take is left out.
 *
 * @returns each once, in ASCII
 */
export function hostsOf(text: string): readonly string[] {
  if (ASCII.test(text)) return [];
  const hosts = new Set<string>();
  for (const [, before, host] of text.matchAll(CANDIDATE)) {
    if (host === undefined || ASCII.test(host) || (before === undefined && !isNamed(host))) continue;
    const ascii = asciiHost(host.replace(/\.+$/, ''));
    if (ascii !== undefined) hosts.add(ascii);
  }
  return [...hosts];
}

/** Whether a name ends like a domain. */
function isNamed(host: string): boolean {
  return DOT.test(host) && DOMAIN_END.test(host.normalize('NFKC'));
}

function asciiHost(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname;
  } catch {
    return undefined;
  }
}
