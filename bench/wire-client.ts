/** bench: as much of a Kafka client as the harness itself needs: one connection, one request at a time. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  apiVersions,
  createTopics,
  deleteTopics,
  requestHeader,
  requestHeaderVersion,
  responseHeader,
  responseHeaderVersion,
} from '../protocol/messages/index.ts'
import { type Api, type DecodedResponse, type EncodableOf, Reader, Writer } from '../protocol/schema/index.ts'

const answerWithinMs = 60_000
const sizeBytes = 4

export class WireClient {
  readonly #socket: Socket
  #correlationId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => socket.destroy()) // the next request says that the connection is gone
  }

  /** @throws what the socket says when nobody listens. */
  static async connect(port: number): Promise<WireClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new WireClient(socket)
  }

  async request<A extends Api>(api: A, version: number, body: EncodableOf<A['request']>): Promise<DecodedResponse<A>> {
    this.#correlationId += 1
    const header = { requestApiKey: api.key, requestApiVersion: version, correlationId: this.#correlationId }
    const writer = new Writer()
    requestHeader.codec(requestHeaderVersion(api, version)).encode(writer, { ...header, clientId: 'bench' })
    api.request.codec(version).encode(writer, body)
    const frame = writer.toBuffer()
    const size = Buffer.alloc(sizeBytes)
    size.writeInt32BE(frame.length)
    this.#socket.write(Buffer.concat([size, frame]))
    const reader = new Reader(await this.#answer())
    responseHeader.codec(responseHeaderVersion(api, version)).decode(reader)
    return api.response.codec(version).decode(reader) as DecodedResponse<A>
  }

  async #answer(): Promise<Buffer> {
    let received = Buffer.alloc(0)
    const signal = AbortSignal.timeout(answerWithinMs)
    while (received.length < sizeBytes || received.length < sizeBytes + received.readInt32BE()) {
      const chunk = this.#socket.read() as Buffer | null
      if (chunk !== null) received = Buffer.concat([received, chunk])
      else if (this.#socket.readableEnded || this.#socket.destroyed) throw new Error('the broker closed the connection')
      else await Promise.race([once(this.#socket, 'readable', { signal }), once(this.#socket, 'end', { signal })])
    }
    return received.subarray(sizeBytes)
  }

  async apiVersions(): Promise<void> {
    const { errorCode } = await this.request(apiVersions, 3, {
      clientSoftwareName: 'bench',
      clientSoftwareVersion: '1',
    })
    if (errorCode !== 0) throw new Error(`ApiVersions answered error ${errorCode}`)
  }

  async createTopic(name: string, numPartitions: number): Promise<void> {
    const { topics } = await this.request(createTopics, 5, {
      topics: [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: answerWithinMs,
      validateOnly: false,
    })
    const [topic] = topics
    if (topic?.errorCode !== 0) throw new Error(`CreateTopics of ${name}: ${topic?.errorCode} ${topic?.errorMessage}`)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    await this.request(deleteTopics, 4, { topicNames: names, timeoutMs: answerWithinMs })
  }

  close(): void {
    this.#socket.destroy()
  }
}
