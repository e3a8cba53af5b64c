/** handlers: JoinGroup: a member joins its group; answered when the rebalance has made a generation. */
import { errorCode } from '../../protocol/errors.ts'
import { joinGroup } from '../../protocol/messages/join-group.ts'
import { handle } from './handler.ts'

/** Kafka has not looked at the request by then. */
const withoutMemberId = (['GROUP_AUTHORIZATION_FAILED', 'NOT_COORDINATOR'] as const).map((error) => errorCode(error))

export const joinGroupHandler = handle(joinGroup, {
  async serve(request, { groups, access, apiVersion, clientId, connection }) {
    access.require('Group', request.groupId, 'Read')
    const rebalanceTimeoutMs = apiVersion === 0 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs
    const result = await groups.joinGroup(
      { ...request, rebalanceTimeoutMs },
      {
        clientId: clientId ?? '',
        clientHost: `/${connection.clientAddress}`,
        memberIdRequired: apiVersion >= 4,
        skipsAssignment: apiVersion >= 9,
      },
    )
    return { ...result, protocolName: nameFor(apiVersion, result.protocolName) }
  },
  fail: ({ memberId }, code, { apiVersion }) => ({
    errorCode: code,
    memberId: withoutMemberId.includes(code) ? '' : memberId,
    protocolName: nameFor(apiVersion, null),
  }),
})

/** Could not be null before v7. */
function nameFor(apiVersion: number, protocolName: string | null): string | null {
  return apiVersion < 7 ? (protocolName ?? '') : protocolName
}
