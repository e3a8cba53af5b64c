/** runtime: addresses of hosts, as the system resolves them. */
import { isIPv6 } from 'node:net'

export interface HostNames {
  /** An address of the host, canonical; undefined for a name that has none. */
  addressOf(name: string): Promise<string | undefined>
}

export const systemHostNames: HostNames = {
  async addressOf(name) {
    // A broker that asks for none starts without it.
    const { lookup } = process.getBuiltinModule('node:dns/promises')
    try {
      return canonicalAddress((await lookup(name)).address)
    } catch {
      // Whoever asks takes a name without an address for one that is wrong.
      return undefined
    }
  },
}

/** An IP address as sockets have it: IPv6 in its shortest form, IPv4 as such also where it is mapped into IPv6. */
export function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
  return mapped ?? new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1)
}
