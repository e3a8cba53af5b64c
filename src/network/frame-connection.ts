/**
 * network: one client's connection: bytes to frames, answers to as few writes as possible, and back-pressure both ways.
 *
 *     socket ── bytes ──▶ ReceiveBuffer ── frame ──▶ FrameReceiver.receive
 *        ▲                                                  │
 *        └── one writev ◀── corked ◀── send ◀───────────────┘
 *
 * Frames stop, and with them reading, while the receiver says so (`pause`), and while the client leaves more than
 * `maxUnsentBytes` of its answers unread.
 */
import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Logger } from '../runtime/logger.ts'
import { atEndOfTurn } from '../runtime/turns.ts'
import { InvalidFrameError } from './frame-assembler.ts'
import { type MemoryReader, readInto } from './own-memory-reads.ts'
import { ReceiveBuffer } from './receive-buffer.ts'

/** Answers that a client has not taken yet; above this no more of its requests are looked at. */
export const maxUnsentBytes = 1024 * 1024

/** What is behind a connection: the server's side of it. */
export interface FrameReceiver {
  /** A request without its size, in order of arrival. Where it lies in a slab (`slabOf`) it holds that, and the receiver may release it. */
  receive(frame: Buffer): void
  /** The connection is gone; called once, no frame follows. */
  closed(): void
}

interface ConnectionSettings {
  readonly id: string
  readonly listener: string
  readonly maxFrameBytes: number
  /** Of all connections of the listener. */
  readonly uses: { count: number }
  readonly logger: Logger
}

export class FrameConnection {
  /** `127.0.0.1:9092-127.0.0.1:51234-0`: where it goes, where it comes from, and its number at the listener. */
  readonly id: string
  /** Name of the listener. */
  readonly listener: string
  /** The client's IP address. */
  readonly clientAddress: string
  /** Trusted; undefined where the client has sent none, or was not asked for one. */
  readonly clientCertificate: X509Certificate | undefined
  /** Checks of the listener for idle connections since anything was read or written. */
  idleChecks = 0
  /** Among the connections of its listener. */
  place = -1
  /** The higher, the later something was read or written. */
  lastUse: number
  readonly #uses: { count: number }
  readonly #socket: Socket
  readonly #logger: Logger
  readonly #frames: ReceiveBuffer
  /** The socket gives chunks of its own, which the buffer is handed. */
  readonly #readsChunks: boolean
  readonly #flush: () => void
  #receiver: FrameReceiver | undefined
  #corked = false
  #flushes: 'not scheduled' | 'end of turn' | 'next tick' = 'not scheduled'
  /** The receiver asked for no more frames. */
  #paused = false
  /** Frames are being handed out; `resume` inside of that must not start it again. */
  #delivering = false
  /** No more frames: the socket is gone or going. */
  #ended = false

  constructor(socket: Socket, settings: ConnectionSettings) {
    this.id = settings.id
    this.listener = settings.listener
    this.clientAddress = plainAddress(socket.remoteAddress)
    this.clientCertificate = isEncrypted(socket) ? socket.getPeerX509Certificate() : undefined
    this.#uses = settings.uses
    this.lastUse = ++settings.uses.count
    this.#logger = settings.logger
    this.#frames = new ReceiveBuffer(settings.maxFrameBytes)
    const reading = isEncrypted(socket) ? undefined : readInto(socket, this.#memoryReader())
    this.#socket = socket
    this.#readsChunks = reading === undefined
    if (reading?.early) this.#frames.add(reading.early)
    this.#flush = () => this.#writeOut()
  }

  /** Begins to read. */
  start(receiver: FrameReceiver): void {
    this.#receiver = receiver
    const socket = this.#socket
    if (this.#readsChunks) this.#readChunks()
    socket.on('drain', () => this.#continue())
    socket.on('error', (error) => this.#logger.debug({ connection: this.id, reason: error.message }, 'connection lost'))
    socket.on('close', () => this.#closed())
    this.#continue()
  }

  get isEnded(): boolean {
    return this.#ended
  }

  /** Bytes of answers that the kernel has not taken yet. */
  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** Bytes read that no frame has taken yet. */
  get bufferedBytes(): number {
    return this.#frames.bufferedBytes
  }

  /**
   * Sends `buffers` one after the other. All that is sent in one callback goes out in one write; with `moreFollows` all of one turn
   * of the event loop, which saves most of the writes of a client with many requests on the way.
   * `written` runs when the kernel has taken them, or the connection has ended.
   */
  send(buffers: readonly Buffer[], moreFollows = false, written?: () => void): void {
    if (this.#ended) {
      written?.()
      return
    }
    this.#used()
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
    }
    const last = buffers.length - 1
    for (let index = 0; index < last; index += 1) this.#socket.write(buffers[index]!)
    this.#socket.write(buffers[last]!, written)
    this.#scheduleFlush(moreFollows ? 'end of turn' : 'next tick')
  }

  /** The largest frame that is taken from the next one on, and the config that says so. */
  limitFrames(maxFrameBytes: number, limitName: string): void {
    this.#frames.limitFrames(maxFrameBytes, limitName)
  }

  /** No more frames until `resume`. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#continue()
  }

  /** Ends the connection when what was sent is written. */
  close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#writeOut()
    this.#socket.pause()
    this.#socket.destroySoon()
  }

  /** Ends the connection now; what the kernel takes without waiting is still written. */
  destroy(): void {
    this.#ended = true
    this.#writeOut()
    this.#socket.destroy()
  }

  #scheduleFlush(when: 'end of turn' | 'next tick'): void {
    if (this.#flushes === 'next tick' || this.#flushes === when) return
    this.#flushes = when
    if (when === 'next tick') process.nextTick(this.#flush)
    else atEndOfTurn(this.#flush)
  }

  #writeOut(): void {
    if (!this.#corked) return
    this.#corked = false
    this.#flushes = 'not scheduled'
    this.#socket.uncork()
  }

  #memoryReader(): MemoryReader {
    const buffer = this.#frames
    return {
      space: () => buffer.space,
      filled: (bytes) => {
        if (this.#ended) return
        this.#used()
        buffer.filled(bytes)
        this.#deliver()
        buffer.settle()
      },
      closed: () => buffer.close(),
    }
  }

  #readChunks(): void {
    this.#socket.on('data', (chunk) => {
      if (this.#ended) return
      this.#used()
      this.#frames.add(chunk)
      this.#deliver()
    })
  }

  #used(): void {
    this.idleChecks = 0
    this.lastUse = ++this.#uses.count
  }

  #isHeld(): boolean {
    return this.#paused || this.#socket.writableLength > maxUnsentBytes
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      while (!this.#ended && !this.#isHeld()) {
        const frame = this.#frames.next()
        if (frame === undefined) break
        this.#receiver!.receive(frame)
      }
    } catch (error) {
      this.#refuse(error)
    } finally {
      this.#delivering = false
    }
    if (!this.#ended && this.#isHeld()) this.#socket.pause()
  }

  /** Goes on with what is buffered, then with reading, unless something still holds it. */
  #continue(): void {
    this.idleChecks = 0
    if (this.#ended || this.#delivering || this.#isHeld()) return
    this.#deliver()
    if (!this.#ended && !this.#isHeld()) this.#socket.resume()
  }

  #refuse(error: unknown): void {
    const fields = { connection: this.id, listener: this.listener, client: this.clientAddress }
    if (error instanceof InvalidFrameError) {
      this.#logger.warn({ ...fields, reason: error.message }, 'connection closed: no Kafka request')
    } else {
      this.#logger.error({ ...fields, err: error }, 'connection closed: a request could not be handed on')
    }
    this.close()
  }

  #closed(): void {
    this.#ended = true
    this.#receiver!.closed()
    // Node keeps the socket until memory is collected in earnest: what it served should go before.
    this.#receiver = undefined
    this.#socket.removeAllListeners().on('error', ignored)
  }
}

/** Without the class, which only TLS is worth loading. */
function isEncrypted(socket: Socket | TLSSocket): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted
}

/** There is nobody left to tell. */
function ignored(): void {}

/** IPv4 addresses as such also on a listener that takes both kinds. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}
