import { BlockList, isIP } from 'node:net';

/** Networks that are not on the Internet, or lead to one that is not. */
const CLOSED = new BlockList();
for (const network of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]) {
  const [address, prefix] = network.split('/') as [string, string];
  CLOSED.addSubnet(address, Number(prefix), 'ipv4');
}
/** Of IPv6, only what was given out to networks is on the Internet; of that, not what holds an IPv4 address or is for documents. */
const OPEN_6 = new BlockList();
OPEN_6.addSubnet('2000::', 3, 'ipv6');
const CLOSED_6 = new BlockList();
for (const network of ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']) {
  const [address, prefix] = network.split('/') as [string, string];
  CLOSED_6.addSubnet(address, Number(prefix), 'ipv6');
}

/** Whether an IP address is one of the Internet: not of this machine, a private network, a cloud's metadata, or a way around one of these. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !CLOSED.check(address, 'ipv4');
  return family === 6 && OPEN_6.check(address, 'ipv6') && !CLOSED_6.check(address, 'ipv6');
}
