import django.db.models.deletion
import spilno.kernel.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('plan', '0004_queue_at'),
        ('team', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='media',
            name='facts',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='media',
            name='pages',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='media',
            name='seconds',
            field=models.DecimalField(decimal_places=6, max_digits=12, null=True),
        ),
        migrations.CreateModel(
            name='Rendition',
            fields=[
                ('id', models.UUIDField(default=spilno.kernel.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=64)),
                ('recipe', models.JSONField()),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('ready', 'Ready'), ('failed', 'Failed')], default='pending', max_length=10)),
                ('file', models.CharField(blank=True, max_length=300)),
                ('mime', models.CharField(blank=True, max_length=60)),
                ('bytes', models.PositiveBigIntegerField(default=0)),
                ('width', models.PositiveIntegerField(null=True)),
                ('height', models.PositiveIntegerField(null=True)),
                ('seconds', models.DecimalField(decimal_places=6, max_digits=12, null=True)),
                ('facts', models.JSONField(default=dict)),
                ('error_code', models.CharField(blank=True, max_length=60)),
                ('error_params', models.JSONField(default=dict)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('lease', models.CharField(blank=True, max_length=36)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('wanted_at', models.DateTimeField()),
                ('created_at', models.DateTimeField()),
                ('updated_at', models.DateTimeField()),
                ('media', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='renditions', to='plan.media')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='team.workspace')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['wanted_at'], name='rendition_to_make')],
                'constraints': [models.UniqueConstraint(fields=('media', 'key'), name='rendition_once')],
            },
        ),
    ]
