/** test: topics and configs as consumer groups see them, to be changed at will. */
import { serverAssignors } from '../../../src/groups/assignors/index.ts'
import type { ConsumerGroupConfigs } from '../../../src/groups/consumer/consumer-group-configs.ts'
import type { TopicsImage } from '../../../src/groups/consumer/topics-image.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The id of a topic is its name and what makes 16 bytes of it, so that tests can read it. */
export class TestTopics implements TopicsImage {
  readonly #partitionCounts = new Map<string, number>()
  readonly #ids = new Map<string, string>()
  readonly #racks = new Map<string, readonly string[]>()
  #created = 0
  version = 1
  versionOfNewestTopic = 1

  /** Creates the topic, or gives it more partitions. */
  put(name: string, partitionCount: number, racks: readonly string[] = []): string {
    this.version += 1
    if (!this.#ids.has(name)) {
      this.#created += 1
      this.versionOfNewestTopic = this.version
      const id = Buffer.alloc(16)
      id.write(name.slice(0, 12))
      id.writeInt32BE(this.#created, 12)
      this.#ids.set(name, id.toString('base64url'))
    }
    this.#partitionCounts.set(this.#ids.get(name)!, partitionCount)
    this.#racks.set(this.#ids.get(name)!, racks)
    return this.#ids.get(name)!
  }

  delete(name: string): void {
    this.version += 1
    this.#partitionCounts.delete(this.#ids.get(name)!)
    this.#ids.delete(name)
  }

  names(): Iterable<string> {
    return this.#ids.keys()
  }

  idOf(name: string): string | undefined {
    return this.#ids.get(name)
  }

  nameOf(topicId: string): string | undefined {
    return [...this.#ids].find(([, id]) => id === topicId)?.[0]
  }

  partitionCount(topicId: string): number {
    return this.#partitionCounts.get(topicId) ?? -1
  }

  racks(topicId: string): readonly string[] {
    return this.#racks.get(topicId) ?? []
  }
}

/** Targets are made at once, unless an interval is asked for. */
export function testConfigs(more: Partial<ConsumerGroupConfigs> = {}): Mutable<ConsumerGroupConfigs> {
  return {
    sessionTimeoutMs: () => 45_000,
    heartbeatIntervalMs: () => 5_000,
    assignmentIntervalMs: () => 0,
    assignors: ['uniform', 'range'].map((name) => serverAssignors.get(name)!),
    maxSize: 100,
    classicMaxSize: 100,
    migrationPolicy: { upgrades: true, downgrades: true },
    regexRefreshIntervalMs: 600_000,
    ...more,
  }
}
