/** Sessions › Bookmarks: starts that administrators prepare. */

import { bookmarks } from '../../api/administered'
import { Link } from '../../app/router'
import { Icon } from '../../parts/Icon'
import { Loaded } from '../../parts/states'
import { BookmarkIcon } from '../../sessions/Bookmarks'
import { t } from '../../strings/t'
import { ListPage, Nothing } from '../parts/ListPage'
import { RowLinks } from '../parts/RowLinks'
import { useDocuments } from '../parts/useDocuments'
import { BookmarkEditor } from './BookmarkEditor'

const BASE = 'system/bookmarks'
const pathOf = (id: string) => (id ? `${BASE}/${encodeURIComponent(id)}` : BASE)

export function BookmarksPage({ rest }: { rest: string }) {
  const query = useDocuments(bookmarks)
  const list = (
    <Loaded query={query} loading={t('load.bookmarks')}>
      {(all) => (
        <>
          <Link className="button small" to={pathOf('new')}>
            <Icon name="plus" />
            {t('bm.new')}
          </Link>
          {all.length === 0 ? (
            <Nothing title={t('bm.none')} text={t('bm.noneText')} />
          ) : (
            <RowLinks
              label={t('page.bookmarks')}
              rows={all.map((one) => ({ id: one.id, to: pathOf(one.id), now: rest === one.id, name: one.name, note: one.fixed ? t('doc.fromFile') : one.command, icon: <BookmarkIcon icon={one.icon} /> }))}
            />
          )}
        </>
      )}
    </Loaded>
  )
  return (
    <ListPage title={t('page.bookmarks')} about={t('bm.about')} open={rest !== ''} back={BASE} list={list}>
      {rest === '' ? (
        <p className="quiet master-hint">{t('bm.choose')}</p>
      ) : (
        <Loaded query={query} loading={t('load.bookmarks')}>
          {(all) => {
            const saved = all.find((one) => one.id === rest)
            if (!saved && rest !== 'new') return <Nothing title={t('doc.gone')} text={t('doc.goneText')} />
            return <BookmarkEditor key={rest} saved={saved} taken={all.map((one) => one.id)} pathOf={pathOf} />
          }}
        </Loaded>
      )}
    </ListPage>
  )
}
