/**
 * groups/assignors: the order in which java.util.HashMap and HashSet iterate. Where Kafka's assignors walk over one, who gets the odd
 * partition depends on it, so ours walk in the same order.
 *
 *     table of 2^n buckets, bucket = (hash ^ hash >>> 16) mod 2^n; within a bucket in the order of insertion
 *     the table doubles when more than three quarters of 2^n are in, and when a bucket of a table below 64 gets a ninth
 *     what `computeIfAbsent` puts in is the first of its bucket, and the table doubles only when it is called once more
 *
 * In tables of 64 and more Java turns a bucket of nine or more into a tree and its order is another; that is not followed.
 */

/** java.lang.String.hashCode. */
export function stringHash(text: string): number {
  let hash = 0
  for (let index = 0; index < text.length; index += 1) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0
  return hash
}

const uuidBytes = (id: string): Buffer => {
  const bytes = Buffer.alloc(16)
  bytes.write(id, 'base64url')
  return bytes
}

/** Of a topic id in 22 characters of base64url. Source: org.apache.kafka.common.Uuid. */
function uuidHash(id: string): number {
  const bytes = uuidBytes(id)
  return bytes.readInt32BE(0) ^ bytes.readInt32BE(4) ^ bytes.readInt32BE(8) ^ bytes.readInt32BE(12)
}

/** `uuidHash` that reckons once for each id: for one assignment, in which they come up again for every member. */
export function uuidHashes(): (id: string) => number {
  const hashes = new Map<string, number>()
  return (id) => {
    let hash = hashes.get(id)
    if (hash === undefined) {
      hash = uuidHash(id)
      hashes.set(id, hash)
    }
    return hash
  }
}

/** Below, equal or above 0. Kafka compares the halves of a topic id as signed integers. */
export function compareUuids(left: string, right: string): number {
  const [a, b] = [uuidBytes(left), uuidBytes(right)]
  a[0]! ^= 0x80
  b[0]! ^= 0x80
  a[8]! ^= 0x80
  b[8]! ^= 0x80
  return Buffer.compare(a, b)
}

const smallestTable = 16
const treeTable = 64
const longestList = 8

/** The smallest table with as many buckets. */
const tableOf = (capacity: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, capacity)))

/** A set that iterates as a HashSet with the same past does. */
export class JavaHashSet<T> {
  /** To a number that is higher the later it stands in its bucket. */
  readonly #items = new Map<T, number>()
  readonly #hashOf: (item: T) => number
  #table: number
  #last = 0
  #first = 0
  /** How many are in each bucket, kept only once there are enough for a long one. */
  #lengths: Map<number, number> | undefined

  constructor(hashOf: (item: T) => number, table = smallestTable) {
    this.#hashOf = hashOf
    this.#table = table
  }

  /** As `new HashSet<>(items)` makes it. */
  static copy<T>(items: Iterable<T>, hashOf: (item: T) => number): JavaHashSet<T> {
    const all = [...items]
    const set = JavaHashSet.withCapacity(Math.max(all.length / 0.75 + 1, smallestTable), hashOf)
    for (const item of all) set.add(item)
    return set
  }

  /** As `new HashSet<>(capacity)`. */
  static withCapacity<T>(capacity: number, hashOf: (item: T) => number): JavaHashSet<T> {
    return new JavaHashSet(hashOf, tableOf(Math.floor(capacity)))
  }

  get size(): number {
    return this.#items.size
  }

  add(item: T): void {
    if (this.#items.has(item)) return
    this.#items.set(item, ++this.#last)
    if (this.#items.size > longestList && this.#table < treeTable) this.#lengthen(item)
    if (this.#items.size > this.#table * 0.75) this.#double()
  }

  /** As a key that a map's `computeIfAbsent` is called for; long buckets are not looked at. */
  addComputed(item: T): void {
    if (this.#items.size > this.#table * 0.75) this.#double()
    if (!this.#items.has(item)) this.#items.set(item, --this.#first)
  }

  delete(item: T): void {
    if (!this.#items.delete(item) || this.#lengths === undefined) return
    const bucket = this.#bucketOf(item)
    this.#lengths.set(bucket, this.#lengths.get(bucket)! - 1)
  }

  /** In Java's order. */
  *[Symbol.iterator](): Iterator<T> {
    yield* this.#inOrder()
  }

  first(): T | undefined {
    return this.#inOrder()[0]
  }

  #inOrder(): T[] {
    const placed = [...this.#items].map(([item, place]) => ({ item, place, bucket: this.#bucketOf(item) }))
    return placed.sort((a, b) => a.bucket - b.bucket || a.place - b.place).map(({ item }) => item)
  }

  #bucketOf(item: T): number {
    const hash = this.#hashOf(item)
    return (hash ^ (hash >>> 16)) & (this.#table - 1)
  }

  #lengthen(item: T): void {
    if (this.#lengths === undefined) {
      this.#lengths = new Map()
      for (const each of this.#items.keys()) this.#count(each)
    } else this.#count(item)
    if (this.#lengths.get(this.#bucketOf(item))! > longestList) this.#double()
  }

  #count(item: T): void {
    const bucket = this.#bucketOf(item)
    this.#lengths!.set(bucket, (this.#lengths!.get(bucket) ?? 0) + 1)
  }

  #double(): void {
    this.#table *= 2
    this.#lengths = undefined
    if (this.#items.size <= longestList || this.#table >= treeTable) return
    this.#lengths = new Map()
    for (const item of this.#items.keys()) this.#count(item)
  }
}

/** Keys in the order of a HashMap that they were put into one after the other. */
export function inHashMapOrder<T>(keys: Iterable<T>, hashOf: (key: T) => number): T[] {
  const set = new JavaHashSet(hashOf)
  for (const key of keys) set.add(key)
  return [...set]
}

/** Partitions as `new HashSet<>(partitions)` has them. */
export const partitionSet = (partitions: Iterable<number>): JavaHashSet<number> =>
  JavaHashSet.copy(partitions, (partition) => partition)
