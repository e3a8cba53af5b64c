/**
 * dump: walks the batches of a file of any size in bounded memory, up to the first byte that belongs to no whole batch.
 *
 * A piece of the file is in memory at a time. A batch that is larger than that is read on its own if it is wanted whole, and one beyond
 * `largestWholeBatch` never is: its checksum is then computed piece by piece.
 */
import { batchSizeAt, crc32, crc32c, RecordBatchView, recordBatchOverhead } from '../../protocol/records/index.ts'
import type { FileHandle } from '../runtime/file-system.ts'

const pieceBytes = 1024 * 1024
const largestWholeBatch = 64 * 1024 * 1024
/** Where the checksummed bytes of a batch start, by magic. */
const checksummedFrom = [16, 16, 21]

/** One batch of the file; its bytes are there until the walk goes on. */
export interface WalkedBatch {
  /** Its header; its records too if `isWhole`. */
  readonly view: RecordBatchView
  readonly position: number
  readonly size: number
  readonly isWhole: boolean
}

/** Why a walk ended before the end of the file. */
export interface WalkEnd {
  readonly position: number
  readonly reason: string
}

export class BatchWalk {
  readonly #file: FileHandle
  readonly #end: number
  readonly #wantsBodies: boolean
  #position: number
  #piece: Buffer = Buffer.alloc(0)
  #pieceStart = 0
  /** Set when the walk has ended somewhere else than at the end of the file. */
  brokenAt: WalkEnd | undefined

  /** `from`: where a batch starts; `end`: the file's size. Without `wantsBodies` large batches are passed over unread. */
  constructor(file: FileHandle, end: number, options: { from?: number; wantsBodies: boolean }) {
    this.#file = file
    this.#end = end
    this.#position = options.from ?? 0
    this.#wantsBodies = options.wantsBodies
  }

  /** Undefined after the last whole batch. */
  async next(): Promise<WalkedBatch | undefined> {
    const position = this.#position
    if (this.brokenAt !== undefined || position >= this.#end) return undefined
    await this.#load(position, Math.min(recordBatchOverhead, this.#end - position))
    const size = this.#sizeOfBatch(position)
    if (size === 0) return undefined
    let isWhole = position + size <= this.#pieceStart + this.#piece.length
    if (!isWhole && this.#wantsBodies && size <= largestWholeBatch) {
      await this.#load(position, size)
      isWhole = this.#piece.length - (position - this.#pieceStart) >= size
      if (!isWhole) return this.#break(position, `the file was cut while it was read: a batch of ${size} bytes is gone`)
    }
    this.#position = position + size
    return { view: new RecordBatchView(this.#piece, position - this.#pieceStart), position, size, isWhole }
  }

  /** Compares the stored checksum with that of the bytes, however many they are. */
  async isCrcValid({ view, position, size, isWhole }: WalkedBatch): Promise<boolean> {
    if (isWhole) return view.isCrcValid()
    const checksum = view.magic < 2 ? crc32 : crc32c
    let crc = 0
    for (let at = position + checksummedFrom[view.magic]!; at < position + size; ) {
      const bytes = await this.#file.read(at, Math.min(pieceBytes, position + size - at))
      if (bytes.length === 0) return false
      crc = checksum(bytes, crc)
      at += bytes.length
    }
    return crc === view.crc
  }

  /** 0, and `brokenAt` is set, where no whole batch starts. */
  #sizeOfBatch(position: number): number {
    const at = position - this.#pieceStart
    const left = this.#end - position
    const inPiece = this.#piece.length - at
    try {
      const size = inPiece < Math.min(recordBatchOverhead, left) ? 0 : batchSizeAt(this.#piece, at, at + left)
      if (size > 0) return size
      const claimed = inPiece >= 12 ? this.#piece.readInt32BE(at + 8) + 12 : undefined
      this.#break(
        position,
        claimed === undefined
          ? `${left} bytes are left, too few for a batch: torn`
          : `a batch of ${claimed} bytes starts here, but only ${left} are left: torn`,
      )
    } catch (error) {
      const isZero = this.#piece.subarray(at).every((byte) => byte === 0)
      const reason = isZero ? 'zeros' : (error as Error).message
      this.#break(position, `no batch starts here: ${reason}; ${left} bytes up to the file's end can't be read`)
    }
    return 0
  }

  #break(position: number, reason: string): undefined {
    this.brokenAt = { position, reason }
  }

  /** Makes `length` bytes from `position` be in the piece, as far as the file has them. */
  async #load(position: number, length: number): Promise<void> {
    if (position >= this.#pieceStart && position + length <= this.#pieceStart + this.#piece.length) return
    this.#piece = await this.#file.read(position, Math.min(Math.max(length, pieceBytes), this.#end - position))
    this.#pieceStart = position
  }
}
