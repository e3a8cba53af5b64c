/** test: a connection to a broker, ours or Apache Kafka: requests through the codecs of one version, and what came of them. */
import { apiVersions } from '../../protocol/messages/index.ts'
import type { Api, DecodedResponse, EncodableOf } from '../../protocol/schema/index.ts'
import { RawClient } from '../network/raw-client.ts'
import { answer, request } from '../server/serving.ts'

const clientId = 'comparison'
/** The connection ended instead of an answer. */
const closed = 'the connection was closed'
/** The request after it was answered, or time passed: acks=0, and a few mistakes of Kafka's. */
const unanswered = 'no answer'

const answerWithinMs = 5_000

export type Outcome<A extends Api> = DecodedResponse<A> | typeof closed | typeof unanswered

export class Peer {
  readonly #port: number
  readonly #localAddress: string | undefined
  #client: RawClient | undefined
  #correlationId = 0

  /** Connects at the first request, and again at the first after the connection was closed. `localAddress`: where from, 127.0.0.1 unless told. */
  constructor(port: number, localAddress?: string) {
    this.#port = port
    this.#localAddress = localAddress
  }

  async ask<A extends Api>(api: A, version: number, body: EncodableOf<A['request']>): Promise<Outcome<A>> {
    return this.#exchange(api, version, (correlationId) =>
      request(api, version, body as object, { correlationId, clientId }),
    )
  }

  /** For a request that may have no answer: a second one behind it shows whether it has. */
  async askUnanswered<A extends Api>(api: A, version: number, body: EncodableOf<A['request']>): Promise<Outcome<A>> {
    return this.#exchange(api, version, (correlationId) => {
      const probe = request(apiVersions, 0, {}, { correlationId: correlationId + 1, clientId })
      this.#correlationId += 1
      return Buffer.concat([request(api, version, body as object, { correlationId, clientId }), probe])
    })
  }

  close(): void {
    this.#client?.destroy()
    this.#client = undefined
  }

  async #exchange<A extends Api>(
    api: A,
    version: number,
    frame: (correlationId: number) => Buffer,
  ): Promise<Outcome<A>> {
    this.#client ??= await RawClient.connect(this.#port, '127.0.0.1', this.#localAddress)
    this.#correlationId += 1
    const correlationId = this.#correlationId
    this.#client.send(frame(correlationId))
    const { socket } = this.#client
    const timeout = setTimeout(() => socket.destroy(new Error('timeout')), answerWithinMs)
    let received: Buffer
    try {
      received = await this.#client.frame()
    } catch {
      const isLate = socket.errored !== null
      this.close()
      return isLate ? unanswered : closed
    } finally {
      clearTimeout(timeout)
    }
    if (received.readInt32BE(0) !== correlationId) return unanswered
    return answer<DecodedResponse<A>>(api, version, received).body
  }
}
