/**
 * runtime: what the simulated file system stands on: files and directories as the operating system shows them, beside what of it
 * would survive a power failure for certain.
 *
 * A change (a write, a truncation, a name that comes, goes or moves) is pending until the sync of its file or directory has returned. A power
 * failure keeps any part of what is pending: of each file and each name by itself, in the order of the changes or out of it, torn at any byte;
 * bytes that never came are zeros. Only a truncation keeps its place: what was written behind it survives with it or not at all, as
 * a journal of file sizes makes it. A rename is done or not done, never half.
 */
import type { Random } from './random.ts'

/** Contents are replaced, never changed in place: what was read stays as it was. */
type FileChange = { readonly position: number; readonly bytes: Buffer } | { readonly length: number }

interface NameChange {
  readonly name: string
  /** Undefined: the name goes. */
  readonly node: DiskNode | undefined
  /** The name that the node had in the same directory until then. */
  readonly from?: string
}

export type DiskNode = DiskFile | DiskDirectory

const sectorBytes = 512
const nothing = Buffer.alloc(0)

export class DiskFile {
  content: Buffer
  /** What has survived syncs. */
  #durable: Buffer
  #pending: FileChange[] = []

  constructor(content: Buffer = nothing) {
    this.content = content
    this.#durable = content
  }

  write(position: number, bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#change({ position, bytes })
  }

  truncate(length: number): void {
    if (length !== this.content.length) this.#change({ length })
  }

  /** Makes durable what was changed until now, once the function that it returns is called. */
  startSync(): () => void {
    const covered = new Set(this.#pending)
    return () => {
      // What came meanwhile may have replaced what is covered; it stays pending.
      for (const change of this.#pending) if (covered.has(change)) this.#durable = changed(this.#durable, change)
      this.#pending = this.#pending.filter((change) => !covered.has(change))
    }
  }

  /** The beginning that survives a power failure in any case. */
  get certain(): Buffer {
    let end = Math.min(this.#durable.length, this.content.length)
    for (const change of this.#pending) end = Math.min(end, 'length' in change ? change.length : change.position)
    return this.content.subarray(0, end)
  }

  afterPowerFailure(random: Random): DiskFile {
    return new DiskFile(this.#survivingContent(random))
  }

  #survivingContent(random: Random): Buffer {
    const luck = random.fraction()
    if (this.#pending.length === 0 || luck < 0.15) return this.#durable
    if (luck < 0.3) return this.content
    return luck < 0.65 ? this.#survivingBeginning(random) : this.#survivingSectors(random)
  }

  /** All up to some change, of which a part. */
  #survivingBeginning(random: Random): Buffer {
    const whole = Math.floor(random.fraction() * this.#pending.length)
    let content = this.#durable
    for (const change of this.#pending.slice(0, whole)) content = changed(content, change)
    const torn = this.#pending[whole]!
    if ('length' in torn) return content
    const { position, bytes } = torn
    return changed(content, { position, bytes: bytes.subarray(0, Math.floor(random.fraction() * (bytes.length + 1))) })
  }

  /** Each sector by itself, as it was after one of its changes; and the size by itself. */
  #survivingSectors(random: Random): Buffer {
    const truncations = this.#pending.filter((change) => 'length' in change).length
    let left = Math.floor(random.fraction() * (truncations + 1))
    let content = this.#durable
    let size = content.length
    let isWrittenBack = new Map<number, boolean>()
    for (const change of this.#pending) {
      if ('length' in change) {
        if (left === 0) break
        left -= 1
        content = changed(content, change)
        size = content.length
        isWrittenBack = new Map()
        continue
      }
      const { position, bytes } = change
      size = Math.max(size, position + bytes.length)
      for (let at = 0; at < bytes.length; ) {
        const sector = Math.floor((position + at) / sectorBytes)
        const end = Math.min(bytes.length, (sector + 1) * sectorBytes - position)
        // Once a change of a sector is lost, so are those that came later.
        const survives = isWrittenBack.get(sector) !== false && random.fraction() < 0.6
        isWrittenBack.set(sector, survives)
        if (survives) content = changed(content, { position: position + at, bytes: bytes.subarray(at, end) })
        at = end
      }
    }
    return random.fraction() < 0.3 ? changed(content, { length: Math.max(size, content.length) }) : content
  }

  #change(change: FileChange): void {
    this.content = changed(this.content, change)
    this.#pending.push(change)
  }
}

function changed(content: Buffer, change: FileChange): Buffer {
  if ('length' in change) {
    if (change.length <= content.length) return content.subarray(0, change.length)
    return Buffer.concat([content, Buffer.alloc(change.length - content.length)])
  }
  const { position, bytes } = change
  if (bytes.length === 0) return content
  const result = Buffer.alloc(Math.max(content.length, position + bytes.length))
  content.copy(result)
  bytes.copy(result, position)
  return result
}

function isAbout(change: NameChange, name: string): boolean {
  return change.name === name || change.from === name
}

export class DiskDirectory {
  readonly names = new Map<string, DiskNode>()
  #durable = new Map<string, DiskNode>()
  #pending: NameChange[] = []

  add(name: string, node: DiskNode): void {
    this.#change({ name, node })
  }

  remove(name: string): void {
    if (this.names.has(name)) this.#change({ name, node: undefined })
  }

  rename(from: string, to: string): void {
    if (from !== to) this.#change({ name: to, node: this.names.get(from)!, from })
  }

  /** As that of a file. */
  startSync(): () => void {
    const covered = new Set(this.#pending)
    return () => {
      for (const change of this.#pending) if (covered.has(change)) apply(this.#durable, change)
      this.#pending = this.#pending.filter((change) => !covered.has(change))
    }
  }

  /** What `name` stands for after a power failure in any case, or, where a rename from `formerName` is pending, one of the two. */
  certain(name: string, formerName?: string): DiskNode | undefined {
    const [rename, ...later] = this.#pending.filter((change) => isAbout(change, name))
    if (rename === undefined) return this.#durable.get(name)
    if (formerName === undefined || rename.from !== formerName || rename.name !== name) return undefined
    const isOnlyChange =
      later.length === 0 && this.#pending.every((each) => each === rename || !isAbout(each, formerName))
    return isOnlyChange ? this.#durable.get(formerName) : undefined
  }

  afterPowerFailure(random: Random): DiskDirectory {
    const survivor = new DiskDirectory()
    for (const [name, node] of this.#survivingNames(random)) survivor.names.set(name, node.afterPowerFailure(random))
    survivor.#durable = new Map(survivor.names)
    return survivor
  }

  #survivingNames(random: Random): Map<string, DiskNode> {
    const luck = random.fraction()
    if (luck < 0.2) return this.#durable
    if (luck < 0.4) return this.names
    const names = new Map(this.#durable)
    const inOrder = Math.floor(random.fraction() * (this.#pending.length + 1))
    for (const [index, change] of this.#pending.entries()) {
      if (luck < 0.6 ? index < inOrder : random.fraction() < 0.5) apply(names, change)
    }
    return names
  }

  #change(change: NameChange): void {
    apply(this.names, change)
    this.#pending.push(change)
  }
}

function apply(names: Map<string, DiskNode>, { name, node, from }: NameChange): void {
  if (node === undefined) {
    names.delete(name)
    return
  }
  if (from !== undefined && names.get(from) === node) names.delete(from)
  names.set(name, node)
}

/** One volume. Paths are joined with `/`; its root is there from the beginning. */
export class SimulatedDisk {
  readonly root: DiskDirectory
  capacityBytes = Number.MAX_SAFE_INTEGER
  /** Held by the process that runs on it. */
  readonly locks = new Set<string>()

  constructor(root = new DiskDirectory()) {
    this.root = root
  }

  /** What a power failure leaves, by chance. */
  afterPowerFailure(random: Random): SimulatedDisk {
    return new SimulatedDisk(this.root.afterPowerFailure(random))
  }

  get usedBytes(): number {
    return bytesIn(this.root)
  }

  at(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root
    for (const name of partsOf(path)) {
      if (!(node instanceof DiskDirectory)) return undefined
      node = node.names.get(name)
    }
    return node
  }

  /**
   * The bytes of the file `path` that survive any power failure; undefined when its name may not. `formerName`: that will do where a rename
   * from it is pending.
   */
  certainContent(path: string, formerName?: string): Buffer | undefined {
    let node: DiskNode | undefined = this.root
    const parts = partsOf(path)
    for (const [index, name] of parts.entries()) {
      if (!(node instanceof DiskDirectory)) return undefined
      node = node.certain(name, index === parts.length - 1 ? formerName : undefined)
    }
    return node instanceof DiskFile ? node.certain : undefined
  }
}

/** The names from the root to `path`. */
export function partsOf(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

function bytesIn(directory: DiskDirectory): number {
  let bytes = 0
  for (const node of directory.names.values()) bytes += node instanceof DiskFile ? node.content.length : bytesIn(node)
  return bytes
}
