/** handlers: FindCoordinator: which broker coordinates a group or a transactional id; one until v3, several from v4 on. */
import { errorCode, KafkaError } from '../../protocol/errors.ts'
import { findCoordinator } from '../../protocol/messages/find-coordinator.ts'
import type { Context } from './context.ts'
import { answerEach, handle } from './handler.ts'

const groupType = 0
const transactionType = 1
const shareType = 2

const nowhere = { nodeId: -1, host: '', port: -1 }

export const findCoordinatorHandler = handle(findCoordinator, {
  async serve({ key, keyType, coordinatorKeys }, context) {
    const namesOne = context.apiVersion < 4
    const keys = namesOne ? [key] : coordinatorKeys
    const coordinators = await answerEach(
      keys,
      async (each) => ({
        key: each,
        ...(await coordinatorFor(each, keyType, context)),
        errorCode: 0,
        errorMessage: '',
      }),
      (each, errorCode, errorMessage) => ({
        key: each,
        ...nowhere,
        errorCode,
        errorMessage: !namesOne && isAuthorizationFailure(errorCode) ? '' : errorMessage,
      }),
    )
    if (!namesOne) return { coordinators }
    const [coordinator] = coordinators
    return { ...coordinator, errorMessage: coordinator!.errorMessage || 'NONE' }
  },
  fail: ({ key, coordinatorKeys }, errorCode, { apiVersion }, errorMessage) =>
    apiVersion < 4
      ? { ...nowhere, key, errorCode, errorMessage }
      : { coordinators: coordinatorKeys.map((each) => ({ key: each, ...nowhere, errorCode, errorMessage })) },
})

/** Kafka says it by the code alone in a list of coordinators. */
function isAuthorizationFailure(code: number): boolean {
  return code === errorCode('GROUP_AUTHORIZATION_FAILED') || code === errorCode('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
}

async function coordinatorFor(
  key: string,
  keyType: number,
  context: Context,
): Promise<{ nodeId: number; host: string; port: number }> {
  const { groups, transactions, access } = context
  switch (keyType) {
    case groupType:
      access.require('Group', key, 'Describe')
      return nodeFor(await groups.coordinatorOf(key), context)
    case transactionType:
      access.require('TransactionalId', key, 'Describe')
      return nodeFor(await transactions.coordinatorOf(key), context)
    case shareType:
      throw new KafkaError('INVALID_REQUEST', 'Share groups are not supported by this broker yet.')
    default:
      throw new KafkaError('INVALID_REQUEST', `Unknown coordinator type received: ${keyType}`)
  }
}

function nodeFor(nodeId: number, { cluster, connection }: Context): { nodeId: number; host: string; port: number } {
  const node = cluster.nodes(connection.listener).find((each) => each.nodeId === nodeId)
  if (node === undefined) throw new KafkaError('COORDINATOR_NOT_AVAILABLE')
  return { nodeId, host: node.host, port: node.port }
}
