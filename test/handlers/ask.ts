/** test: asks a handler as a client does: through the codecs of one version, both ways. */
import { KafkaError } from '../../protocol/errors.ts'
import type { Api, DecodedResponse, Encodable, Fields } from '../../protocol/schema/index.ts'
import { Reader, Writer } from '../../protocol/schema/index.ts'
import type { Broker } from '../../src/cluster/broker.ts'
import type { Context, Rooms } from '../../src/handlers/context.ts'
import type { Handler } from '../../src/handlers/handler.ts'
import { SimulatedClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import type { Access, Operation } from '../../src/security/access.ts'
import { openAccess } from '../../src/security/access.ts'
import { anonymous } from '../../src/security/principal.ts'
import { ProducerIds } from '../../src/transactions/producer-ids.ts'

export class Client {
  readonly broker: Broker
  access: Access
  readonly #producerIds: ProducerIds
  readonly #rooms: Partial<Rooms>

  /** `rooms`: those that the handlers need besides the cluster. */
  constructor(broker: Broker, access: Access = openAccess, rooms: Partial<Rooms> = {}) {
    this.broker = broker
    this.access = access
    this.#producerIds = new ProducerIds(broker)
    this.#rooms = rooms
  }

  async ask<Q extends Fields, P extends Fields>(
    handler: Handler,
    api: Api<Q, P>,
    version: number,
    request: Encodable<Q>,
  ): Promise<DecodedResponse<Api<Q, P>>> {
    const asked = transcode(api.request, version, request)
    const context = this.#context(version)
    let answer: object | undefined
    try {
      answer = await handler.serve(asked, context)
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      answer = handler.fail(asked, error.code, context, error.message)
    }
    return transcode(api.response, version, answer) as DecodedResponse<Api<Q, P>>
  }

  #context(apiVersion: number): Context {
    const { broker, access } = this
    const connection = {
      id: '127.0.0.1:9092-127.0.0.1:50000-0',
      listener: 'PLAINTEXT',
      clientAddress: '127.0.0.1',
      access,
      principal: anonymous,
      clientSoftware: { name: 'unknown', version: 'unknown' },
      onClose: () => () => {},
    }
    const quotas = { isEnforced: false, mutationQuota: () => ({ record: () => {}, throttleMs: 0 }) }
    const rooms = { cluster: broker.cluster, broker, producerIds: this.#producerIds, config: broker.config, quotas }
    const clientTelemetry = { hasReceiver: false }
    const rest = {
      clientTelemetry,
      clock: new SimulatedClock(),
      logger: silentLogger,
      handlers: [],
      apiVersion,
      clientId: 'test',
    }
    return { ...rooms, ...rest, ...this.#rooms, connection, access } as unknown as Context
  }
}

function transcode(schema: Api['request'] | Api['response'], version: number, value: unknown): unknown {
  const writer = new Writer()
  schema.codec(version).encode(writer, value as never)
  return schema.codec(version).decode(new Reader(writer.toBuffer()))
}

/** Allows only what is listed, as `Topic:name:Describe`. */
export function only(...allowed: string[]): Access {
  const isAllowed = (type: string, name: string, operation: Operation): boolean =>
    allowed.includes(`${type}:${name}:${operation}`)
  return {
    isAllowed,
    isAllowedSomewhere: (type, operation) =>
      allowed.some((each) => each.startsWith(`${type}:`) && each.endsWith(`:${operation}`)),
    require(type, name, operation) {
      if (isAllowed(type, name, operation)) return
      if (type === 'Cluster') throw new KafkaError('CLUSTER_AUTHORIZATION_FAILED')
      if (type === 'TransactionalId') throw new KafkaError('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
      throw new KafkaError(type === 'Group' ? 'GROUP_AUTHORIZATION_FAILED' : 'TOPIC_AUTHORIZATION_FAILED')
    },
  }
}
