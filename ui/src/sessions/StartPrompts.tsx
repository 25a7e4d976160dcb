/** What the server asks before it can start anything as this person: a password, a code; round after round. */

import { useStore } from '../app/store'
import { Dialog } from '../parts/Dialog'
import { Prompts } from '../parts/Prompts'
import { t } from '../strings/t'
import { answer, giveUp, starts } from './starts'

export function StartPrompts() {
  const asking = Object.values(useStore(starts)).find((start) => start.status === 'auth' && start.auth)
  if (!asking?.auth) return null
  const { auth, request } = asking
  const cancel = () => giveUp(request.id)
  return (
    <Dialog key={request.id} title={auth.title || t('auth.title')} onClose={cancel}>
      <p className="quiet">{t('auth.text', { name: request.name || request.command })}</p>
      <Prompts
        round={asking.round}
        instructions={auth.instructions}
        prompts={auth.prompts}
        busy={asking.busy ?? false}
        send={(answers) => answer(request.id, answers)}
        cancel={cancel}
      />
    </Dialog>
  )
}
