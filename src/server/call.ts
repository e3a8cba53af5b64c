/** server: one request from its frame to its answer, and what is known of it on the way. */
import { apiByKey } from '../../protocol/messages/index.ts'
import type { Context } from '../handlers/context.ts'
import { slabOf } from '../runtime/slabs.ts'
import type { ClientConnection } from './client-connection.ts'
import type { ServedApi } from './served-apis.ts'

export class Call {
  readonly frameBytes: number
  readonly apiKey: number
  readonly apiVersion: number
  clientId: string | null = null
  correlationId = 0
  served: ServedApi | undefined
  context: Context | undefined
  request: unknown
  isPending = true
  /** What is decoded in several turns is served in as many, and overlaps with nothing. */
  isLarge = false
  /** Absent where none is sent. */
  answer: readonly Buffer[] | undefined
  /** For when the answer's bytes are with the kernel, or will never be. */
  whenSent: (() => void) | undefined
  /** Why the connection ends instead of an answer. */
  closeReason: string | undefined
  /** Somebody wants to know how long it takes. */
  isTimed = false
  /** Of what follows the header. */
  bodyBytes = 0
  /** For how long the event loop worked on it alone, and since when it does so. */
  threadMs = 0
  resumedMs = 0
  startedMs = 0
  throttleMs = 0
  /** Kept for observers. */
  body: object | undefined

  /** What the request's bytes are views of. */
  readonly #frame: Buffer

  constructor(frame: Buffer) {
    this.#frame = frame
    this.frameBytes = frame.length
    this.apiKey = peekInt16(frame, 0)
    this.apiVersion = peekInt16(frame, 2)
  }

  get overlaps(): boolean {
    return !this.isLarge && (this.served?.handler.overlaps ?? false)
  }

  /** Its handler has ended as it should; to be called once. One that failed may still be at work on a part of it. */
  letGo(): void {
    if (this.served?.handler.keepsNothing === true) slabOf(this.#frame)?.release()
  }
}

/** For a line in the log: the call, and what happened to it. (Copied last: what follows a copy costs much in Node 20.) */
export function describeCall({ id, listener, clientAddress }: ClientConnection, call: Call, what: object): object {
  const { apiKey, apiVersion, clientId } = call
  const api = apiByKey(apiKey)?.name ?? apiKey
  return { connection: id, listener, client: clientAddress, clientId, api, version: apiVersion, ...what }
}

export function bytesIn(buffers: readonly Buffer[] = []): number {
  return buffers.reduce((sum, { length }) => sum + length, 0)
}

/** -1 where the frame is too short for it. */
export function peekInt16(frame: Buffer, at: number): number {
  return frame.length < at + 2 ? -1 : frame.readInt16BE(at)
}
