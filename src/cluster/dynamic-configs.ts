/** cluster: configs set at runtime, by resource, as the metadata log has them. Changed by replay alone. */
import { configRecord } from '../../protocol/state/index.ts'
import type { MetadataLog } from '../metadata/index.ts'

/** Kafka's ids of ConfigResource.Type. */
export const configResourceTypes = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const
export type ConfigResourceType = keyof typeof configResourceTypes

const noConfigs: ReadonlyMap<string, string> = new Map()

export class DynamicConfigs {
  readonly #byResource = new Map<string, Map<string, string>>()
  readonly #changed = new Set<string>()

  constructor(metadata: MetadataLog) {
    metadata.register(configRecord, ({ resourceType, resourceName, name, value }) => {
      const key = `${resourceType}:${resourceName}`
      const configs = this.#byResource.get(key)
      if (value === null) configs?.delete(name)
      else if (configs === undefined) this.#byResource.set(key, new Map([[name, value]]))
      else configs.set(name, value)
      this.#changed.add(key)
    })
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
      const separator = key.indexOf(':')
      const id = Number(key.slice(0, separator))
      const type = resourceTypeOf(id)
      return type === undefined ? [] : [{ type, name: key.slice(separator + 1) }]
    })
    this.#changed.clear()
    return changes
  }
}

export function resourceTypeOf(id: number): ConfigResourceType | undefined {
  return (Object.keys(configResourceTypes) as ConfigResourceType[]).find((type) => configResourceTypes[type] === id)
}
