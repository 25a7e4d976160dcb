/** What the server refuses because something uses it: asked about in its words, and done all the same where that is meant. */

import { asProblem } from '../../api/problem'
import { confirm } from '../../parts/confirm'
import { t } from '../../strings/t'

/** Throws the refusal where the person does not mean it. */
export async function anyway<A>(act: (force?: boolean) => Promise<A>, yes: string): Promise<A> {
  try {
    return await act()
  } catch (error) {
    const problem = asProblem(error)
    if (problem.code !== 'in-use' || !(await confirm({ title: t('problem.in-use'), text: problem.detail, yes }))) throw error
    return act(true)
  }
}
