/** cluster: configs set at runtime, by resource, as the metadata log has them. Changed by replay alone. */
import { configRecord } from '../../protocol/state/index.ts'
import { type MetadataLog, type MetadataRecord, metadataRecord } from '../metadata/index.ts'

/** Kafka's ids of ConfigResource.Type. */
export const configResourceTypes = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const
export type ConfigResourceType = keyof typeof configResourceTypes

const noConfigs: ReadonlyMap<string, string> = new Map()

export class DynamicConfigs {
  readonly #byResource = new Map<string, Map<string, string>>()
  readonly #changed = new Set<string>()

  constructor(metadata: MetadataLog) {
    const register = metadata.image('configs', () => this.#records())
    register(configRecord, ({ resourceType, resourceName, name, value }) => {
      const key = `${resourceType}:${resourceName}`
      const configs = this.#byResource.get(key)
      if (value === null) configs?.delete(name)
      else if (configs === undefined) this.#byResource.set(key, new Map([[name, value]]))
      else configs.set(name, value)
      this.#changed.add(key)
    })
  }

  *#records(): Generator<MetadataRecord, void> {
    for (const [key, configs] of this.#byResource) {
      const resource = resourceOf(key)
      for (const [name, value] of configs) yield metadataRecord(configRecord, 0, { ...resource, name, value })
    }
  }

  /** What is set for a resource; a broker's name is its id, '' stands for all brokers. */
  of(type: ConfigResourceType, name: string): ReadonlyMap<string, string> {
    return this.#byResource.get(`${configResourceTypes[type]}:${name}`) ?? noConfigs
  }

  /** The names of the resources that have any. */
  names(type: ConfigResourceType): string[] {
    const prefix = `${configResourceTypes[type]}:`
    return [...this.#byResource].flatMap(([key, configs]) =>
      key.startsWith(prefix) && configs.size > 0 ? [key.slice(prefix.length)] : [],
    )
  }

  /** With a topic go its configs. */
  forgetTopic(name: string): void {
    this.#byResource.delete(`${configResourceTypes.topic}:${name}`)
  }

  /** Resources that changed since this was last asked. */
  takeChanges(): { type: ConfigResourceType; name: string }[] {
    const changes = [...this.#changed].flatMap((key) => {
      const { resourceType, resourceName } = resourceOf(key)
      const type = resourceTypeOf(resourceType)
      return type === undefined ? [] : [{ type, name: resourceName }]
    })
    this.#changed.clear()
    return changes
  }
}

/** What a key of the map stands for. */
function resourceOf(key: string): { resourceType: number; resourceName: string } {
  const separator = key.indexOf(':')
  return { resourceType: Number(key.slice(0, separator)), resourceName: key.slice(separator + 1) }
}

export function resourceTypeOf(id: number): ConfigResourceType | undefined {
  return (Object.keys(configResourceTypes) as ConfigResourceType[]).find((type) => configResourceTypes[type] === id)
}
