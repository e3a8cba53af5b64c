/**
 * log: the directories of partitions in a log directory, and what else has such a name:
 *
 *     topic-0                          a partition
 *     topic-0.<32 hex digits>-delete   one that is being removed
 *     topic-0.<32 hex digits>-stray    one that no topic has here: it is never removed
 *     topic-0.<32 hex digits>-future   a copy that is to become the partition
 */
import type { Random } from '../runtime/random.ts'
import { parsePartitionName, partitionName } from './checkpoint-file.ts'
import type { LogStorage } from './log-storage.ts'
import { partitionMetadataFileName, readPartitionMetadata, writePartitionMetadata } from './partition-metadata.ts'

export const deletedPattern = /\.[0-9a-f]{32}-delete$/
/** The partition's name comes first, unless it was too long for the name of a file. */
const futurePattern = /^(.+)\.[0-9a-f]{32}-future$/
const longestFileName = 255

export interface PartitionName {
  readonly topic: string
  readonly partition: number
}

export class PartitionDirectories {
  readonly #path: string
  readonly #storage: LogStorage
  /** The partition of that name is gone. */
  readonly #onGone: (name: string) => void
  readonly #stored: Set<string>
  #futures: readonly (PartitionName & { readonly name: string })[]
  readonly #removing = new Map<string, Promise<void>>()

  /** `names`: what is in `path`. `onGone` hears of each partition that is not there any more. */
  constructor(path: string, names: readonly string[], storage: LogStorage, onGone: (name: string) => void) {
    this.#path = path
    this.#storage = storage
    this.#onGone = onGone
    this.#stored = new Set(names.filter((name) => parsePartitionName(name) !== undefined))
    this.#futures = names.flatMap((name) => futureIn(name) ?? [])
  }

  get names(): ReadonlySet<string> {
    return this.#stored
  }

  /** Copies that are to become partitions: of which, and the name of their directory. */
  get futures(): readonly (PartitionName & { readonly name: string })[] {
    return this.#futures
  }

  pathOf(name: string): string {
    return `${this.#path}/${name}`
  }

  /** Where a copy of the partition can be made. */
  newFuturePath(name: string): string {
    return this.pathOf(asideName(name, this.#storage.random, '-future'))
  }

  /** Of a stored partition's partition.metadata; undefined when it does not say. */
  async topicIdOf(name: string): Promise<string | undefined> {
    const { files } = this.#storage
    const isThere = await files.exists(`${this.pathOf(name)}/${partitionMetadataFileName}`)
    return isThere ? await readPartitionMetadata(files, this.pathOf(name)) : undefined
  }

  async make(name: string, topicId: string | undefined): Promise<void> {
    await this.#storage.files.makeDirectory(this.pathOf(name))
    this.#stored.add(name)
    await this.#nameTopic(name, topicId)
  }

  /** The files of a stored partition with that topic id, which it gets if it has none; undefined when there is none. One of another topic is put aside. */
  async filesOf(name: string, topicId: string | undefined): Promise<string[] | undefined> {
    if (!this.#stored.has(name)) return undefined
    const { files, logger } = this.#storage
    const directory = this.pathOf(name)
    const names = await files.list(directory)
    const isNamed = names.includes(partitionMetadataFileName)
    const storedId = topicId === undefined || !isNamed ? undefined : await readPartitionMetadata(files, directory)
    if (storedId === undefined || storedId === topicId) {
      if (!isNamed || (topicId !== undefined && storedId === undefined)) await this.#nameTopic(name, topicId)
      return names
    }
    const stray = asideName(name, this.#storage.random, '-stray')
    logger.warn({ directory, storedId, topicId }, `${name} belongs to another topic of that name: kept as ${stray}`)
    await files.rename(directory, this.pathOf(stray))
    this.#forget(name)
    return undefined
  }

  async #nameTopic(name: string, topicId: string | undefined): Promise<void> {
    if (topicId !== undefined) await writePartitionMetadata(this.#storage.files, this.pathOf(name), topicId)
  }

  /** Renames the directory of a partition that nobody knows to `-stray`. */
  async setAside(name: string): Promise<void> {
    const stray = asideName(name, this.#storage.random, '-stray')
    this.#storage.logger.warn({ directory: this.pathOf(name) }, `no topic has ${name} here: kept as ${stray}`)
    await this.#storage.files.rename(this.pathOf(name), this.pathOf(stray))
    this.#forget(name)
  }

  /** The copy `name` becomes the partition. */
  async promote({ topic, partition }: PartitionName, name: string): Promise<void> {
    const { files } = this.#storage
    await files.rename(this.pathOf(name), this.pathOf(partitionName(topic, partition)))
    await files.syncDirectory(this.#path)
    this.#stored.add(partitionName(topic, partition))
    this.#futures = this.#futures.filter((future) => future.name !== name)
  }

  async removeFuture(name: string): Promise<void> {
    await this.#storage.files.remove(this.pathOf(name))
    this.#futures = this.#futures.filter((future) => future.name !== name)
  }

  async remove(name: string): Promise<void> {
    const { files, random } = this.#storage
    const aside = this.pathOf(asideName(name, random, '-delete'))
    const renamed = files.rename(this.pathOf(name), aside)
    const removing = renamed.then(
      () => this.#forget(name),
      () => {},
    )
    this.#removing.set(name, removing)
    try {
      await removing
      await renamed
    } finally {
      this.#removing.delete(name)
    }
    await files.remove(aside)
  }

  /** Resolves when none of that name is being renamed away. */
  async removed(name: string): Promise<void> {
    await this.#removing.get(name)
  }

  #forget(name: string): void {
    this.#stored.delete(name)
    this.#onGone(name)
  }
}

function futureIn(name: string): (PartitionName & { readonly name: string }) | undefined {
  const of = parsePartitionName(futurePattern.exec(name)?.[1] ?? '')
  return of === undefined ? undefined : { ...of, name }
}

function asideName(name: string, random: Random, suffix: '-delete' | '-stray' | '-future'): string {
  const unique = `.${random.bytes(16).toString('hex')}${suffix}`
  return `${name.slice(0, longestFileName - unique.length)}${unique}`
}
