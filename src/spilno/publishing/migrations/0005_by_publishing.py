from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('publishing', '0004_told'),
        ('team', '0002_own_time_zone'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(
                condition=models.Q(('published_at__isnull', False)),
                fields=['workspace', 'published_at'],
                name='delivery_by_publishing',
            ),
        ),
    ]
