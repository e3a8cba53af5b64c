/**
 * network: an accepted socket that reads into memory which the reader gives, in place of 64 KB of fresh memory for each read.
 *
 * Node offers that (`onread`) for sockets that connect, and has no public way to it for accepted ones: their handle is given to a socket of
 * our own making, as Node's own cluster module does. Where a Node has other insides there is no such socket, and reads are as usual.
 */
import { Socket } from 'node:net'

/** Who reads. */
export interface MemoryReader {
  /** Memory for the next read: asked for before the first, and after each `filled`. */
  readonly space: Buffer
  /** `bytes` of it are there. */
  filled(bytes: number): void
  /** Nothing is read any more. */
  closed(): void
}

/** What a socket of Node's is made of, as far as it matters here. */
interface SocketInsides {
  _handle: { reading: boolean; useUserBuffer?: unknown } | null
  /** Counts its connections. */
  _server: unknown
}

/** On Windows memory is handed over before there is anything to read, so that it can't be shared. */
const readsIntoOwnMemory = process.platform !== 'win32'

/**
 * A socket in the place of `accepted`, which is closed when that is; `early`: what had been read already. Undefined where that can't be, and
 * `accepted` is as it was.
 */
export function readInto(accepted: Socket, reader: MemoryReader): { socket: Socket; early: Buffer | null } | undefined {
  const insides = accepted as unknown as SocketInsides
  const handle = insides._handle
  if (!readsIntoOwnMemory || typeof handle?.useUserBuffer !== 'function') return undefined
  const early = accepted.read() as Buffer | null
  const onread = {
    buffer: () => reader.space,
    callback: (bytes: number) => {
      reader.filled(bytes)
      return true
    },
  }
  const socket = new Socket({ handle, onread } as object)
  const own = socket as unknown as SocketInsides
  own._server = insides._server
  insides._handle = null
  insides._server = null
  socket.once('close', () => {
    reader.closed()
    accepted.destroy()
  })
  return { socket, early }
}
