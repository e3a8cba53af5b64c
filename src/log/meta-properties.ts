/**
 * log: meta.properties, which says whose log directory it is: version 1, node id, cluster id, directory id. Keys that are not known here are kept.
 * Source: Kafka's MetaProperties; the format is Java's properties.
 */
import { type Random, randomUuid } from '../runtime/random.ts'

export const metaPropertiesFileName = 'meta.properties'

export interface MetaProperties {
  readonly nodeId: number
  readonly clusterId: string
  readonly directoryId: string
  /** All lines as key and value, those above included. */
  readonly entries: ReadonlyMap<string, string>
}

/** @throws Error that says in a line what is wrong with `content`. */
export function parseMetaProperties(path: string, content: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const line of content.split(/\r?\n/)) {
    const match = /^\s*([^#!\s=:][^=:\s]*)\s*[=:]?\s*(.*?)\s*$/.exec(line)
    if (match !== null) entries.set(match[1]!, match[2]!)
  }
  const version = entries.get('version')
  if (version !== '1') {
    throw new Error(`${path}: version=${version ?? '(none)'} is not supported, only version=1 (a KRaft log directory)`)
  }
  return entries
}

/**
 * What the directory is to say: what it says already, completed. `clusterId` undefined: any, a new one if it has none.
 * @throws Error in a readable line when it belongs to another node or cluster.
 */
export function completeMetaProperties(
  path: string,
  known: ReadonlyMap<string, string>,
  wanted: { nodeId: number; clusterId: string | undefined },
  random: Random,
): MetaProperties {
  const nodeId = known.get('node.id')
  if (nodeId !== undefined && Number(nodeId) !== wanted.nodeId) {
    throw new Error(
      `${path} belongs to node.id=${nodeId}, but this is node.id=${wanted.nodeId}: set node.id or use another directory`,
    )
  }
  const clusterId = known.get('cluster.id')
  if (clusterId !== undefined && wanted.clusterId !== undefined && clusterId !== wanted.clusterId) {
    throw new Error(`${path} belongs to cluster.id=${clusterId}, not to ${wanted.clusterId}: use another directory`)
  }
  const entries = new Map(known)
  entries.set('version', '1')
  entries.set('node.id', String(wanted.nodeId))
  entries.set('cluster.id', clusterId ?? wanted.clusterId ?? randomUuid(random))
  entries.set('directory.id', known.get('directory.id') ?? randomUuid(random))
  return {
    nodeId: wanted.nodeId,
    clusterId: entries.get('cluster.id')!,
    directoryId: entries.get('directory.id')!,
    entries,
  }
}

export function formatMetaProperties(entries: ReadonlyMap<string, string>): string {
  return `#\n${[...entries].map(([key, value]) => `${key}=${value}\n`).join('')}`
}
