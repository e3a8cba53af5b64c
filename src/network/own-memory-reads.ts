/**
 * network: lets an accepted socket read into memory which the reader gives, in place of 64 KB of fresh memory for each read.
 *
 * Node offers that (`onread`) for sockets that connect, and has no public way to it for accepted ones: here they are given what Node gives to those.
 * Where a Node has other insides reads are as usual.
 */
import type { Socket } from 'node:net'

/** Who reads. */
export interface MemoryReader {
  /** Memory for the next read: asked for before the first, and after each `filled`. */
  space(): Buffer
  /** `bytes` of it are there. */
  filled(bytes: number): void
  /** Nothing is read any more. */
  closed(): void
}

/** What a socket of Node's is made of, as far as it matters here. */
type SocketInsides = { _handle: { useUserBuffer?(space: Buffer): void } | null } & Record<symbol, unknown>

/** The names of what a socket with `onread` has in it; each socket has them, as null where it has none. */
interface OnRead {
  readonly space: symbol
  readonly nextSpace: symbol
  readonly filled: symbol
}

/** On Windows memory is handed over before there is anything to read, so that it can't be shared. */
const readsIntoOwnMemory = process.platform !== 'win32'
let known: OnRead | undefined

/**
 * `socket` reads into the memory of `reader`; `early`: what it had read already. Undefined where that can't be, and all is as it was.
 * What is closed holds nothing of the reader: V8 may take a while to see that it is garbage.
 */
export function readInto(socket: Socket, reader: MemoryReader): { early: Buffer | null } | undefined {
  const insides = socket as unknown as SocketInsides
  known ??= onReadOf(insides)
  if (!readsIntoOwnMemory || known === undefined || typeof insides._handle?.useUserBuffer !== 'function')
    return undefined
  const { space, nextSpace, filled } = known
  const early = socket.read() as Buffer | null
  const first = reader.space()
  insides[space] = first
  insides[nextSpace] = () => reader.space()
  insides[filled] = (bytes: number) => {
    reader.filled(bytes)
    return true
  }
  insides._handle.useUserBuffer(first)
  socket.once('close', () => {
    for (const each of [space, nextSpace, filled]) insides[each] = null
    reader.closed()
  })
  return { early }
}

function onReadOf(insides: SocketInsides): OnRead | undefined {
  const symbols = Object.getOwnPropertySymbols(insides)
  const named = (name: string): symbol | undefined =>
    symbols.find((each) => each.description === name && insides[each] === null)
  const [space, nextSpace, filled] = ['kBuffer', 'kBufferGen', 'kBufferCb'].map(named)
  return space && nextSpace && filled ? { space, nextSpace, filled } : undefined
}
