/**
 * Whether a host is this machine. The URL parser has already normalized the address: `127.1` is 127.0.0.1. Of names only `localhost` counts: whether a resolver
 * maps `dev.localhost` to this machine is up to the resolver.
 */
export function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '::1' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
