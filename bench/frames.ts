/** bench: load in plain TypeScript: requests that are encoded once and sent again and again over a bare socket, several on their way. */
import type { Socket } from 'node:net'
import { fetch } from '../protocol/messages/index.ts'
import { fetchVersion, openSocket, requestFrame } from './wire-client.ts'

const sizeBytes = 4
/** Enough for the error code of a produce answer. */
const headBytes = 512

/** One connection that sends frames in turn and counts their answers. */
export class FrameConnection {
  readonly #socket: Socket
  /** What has come of an answer that is not long enough yet to be looked into. */
  #head = Buffer.alloc(0)
  /** The answer that is coming: its bytes, the first of them, and how many are still to come. */
  #total = 0
  #kept = Buffer.alloc(0)
  #missing = 0
  #answered: (answer: { readonly bytes: number; readonly head: Buffer }) => void = () => undefined
  #failed: (error: Error) => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    const fail = (error: Error) => this.#failed(error)
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the broker closed the connection')))
  }

  static async open(port: number): Promise<FrameConnection> {
    return new FrameConnection(await openSocket(port))
  }

  /**
   * Sends `count` frames, at most `onTheirWay` at a time, the next of `frames` each.
   * @param errorAt where behind an answer's size an error code stands, that has to be 0
   * @returns the bytes of all answers
   */
  send(frames: readonly Buffer[], count: number, onTheirWay: number, errorAt?: number): Promise<number> {
    return new Promise((resolve, reject) => {
      let [sent, answered, bytes] = [0, 0, 0]
      const next = () => {
        this.#socket.write(frames[sent % frames.length]!)
        sent += 1
      }
      this.#failed = reject
      this.#answered = (answer) => {
        const errorCode = errorAt === undefined ? 0 : answer.head.readInt16BE(errorAt)
        if (errorCode !== 0) reject(new Error(`a request was answered with error ${errorCode}`))
        bytes += answer.bytes
        answered += 1
        if (sent < count) next()
        else if (answered === count) resolve(bytes)
      }
      while (sent < Math.min(count, onTheirWay)) next()
    })
  }

  close(): void {
    this.#failed = () => undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#missing === 0) {
        const start = this.#head.length === 0 ? rest : Buffer.concat([this.#head, rest])
        const bytes = start.length < sizeBytes ? Number.POSITIVE_INFINITY : start.readInt32BE()
        const isWhole = start.length - sizeBytes >= bytes
        if (!isWhole && start.length < headBytes) {
          this.#head = Buffer.from(start)
          return
        }
        const head = start.subarray(sizeBytes)
        this.#head = Buffer.alloc(0)
        this.#total = bytes
        this.#kept = Buffer.from(head.subarray(0, headBytes))
        this.#missing = Math.max(0, bytes - head.length)
        rest = isWhole ? head.subarray(bytes) : rest.subarray(rest.length)
      } else {
        const taken = Math.min(this.#missing, rest.length)
        this.#missing -= taken
        rest = rest.subarray(taken)
      }
      if (this.#missing === 0) this.#answered({ bytes: this.#total, head: this.#kept })
    }
  }
}

/** A Fetch from one partition that does not wait. */
export function fetchFrameOf(topic: string, partition: number, fetchOffset: number, maxBytes: number): Buffer {
  const partitions = [{ partition, fetchOffset, partitionMaxBytes: maxBytes }]
  const topics = [{ topic, partitions }]
  return requestFrame(
    fetch,
    fetchVersion,
    { maxWaitMs: 0, minBytes: 0, maxBytes, sessionEpoch: -1, topics, forgottenTopicsData: [] },
    1,
  )
}
